// The engine runs any contract: its sources know none of the words of one.
#include "tests/unit/workflow/sample.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace onex::workflow::test {
namespace {

std::set<std::string> words_of_the_deployment() {
    std::set<std::string> words{"docker", "Docker", "container", "image", "receiver", "sender"};
    const auto model = read_model(installed_contract("deployment_workflow"));
    for (const auto& stage : model->stages) {
        words.insert(stage.name);
        for (const auto& operation : stage.operations)
            words.insert(operation.name);
    }
    for (const auto& gate : model->gates)
        words.insert(gate.name);
    words.insert(model->rollback_operation);
    for (const auto& state : model->fsm.states()) {
        const bool known = same_name(state.name, kCompleted) || same_name(state.name, kFailed) ||
                           same_name(state.name, kRollingBack) ||
                           same_name(state.name, kRollbackCompleted);
        if (!known) words.insert('"' + state.name + '"');
    }
    return words;
}

/// Is `word` in `text`, not as a part of a longer one (total_duration_ms is the engine's own)?
bool has_word(const std::string& text, const std::string& word) {
    const auto joins = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    };
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end])))
            return true;
    }
    return false;
}

TEST(EngineNames, NoneOfTheContractsWords) {
    const auto words = words_of_the_deployment();
    ASSERT_GT(words.size(), 30U);
    int files = 0;
    for (const auto* folder : {"/plugins/lib/workflow", "/plugins/orchestrator"}) {
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(ONEX_SOURCE_DIR) + folder)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with("routes.") || name == "README.md") continue;
            std::ifstream in(entry.path());
            const std::string text(std::istreambuf_iterator<char>(in), {});
            ++files;
            for (const auto& word : words)
                EXPECT_FALSE(has_word(text, word)) << name << ": " << word;
        }
    }
    EXPECT_GT(files, 40);
}

}  // namespace
}  // namespace onex::workflow::test
