#include "plugins/orchestrator/contracts.hpp"

#include "digest/digest.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace onex::orchestrator {
namespace {

constexpr std::size_t kRecentMax = 32;
constexpr std::uintmax_t kContractBytesMax = 1 << 20;

Result<json::object> to_json(const Host& host, std::string_view text) {
    auto parsed = host.parse_yaml(text);
    if (!parsed) return std::unexpected(std::move(parsed).error());
    auto object = parse_object(parsed->first);
    if (!object) return fail("VALIDATION_ERROR", "a workflow contract must be a YAML mapping");
    return object;
}

}  // namespace

Result<Contract> Contracts::read(std::string text) {
    auto digest = digest::blake3_hex(text);
    {
        const std::scoped_lock lock(mutex_);
        const auto known = std::ranges::find(recent_, digest, &Contract::digest);
        if (known != recent_.end()) return *known;
    }
    auto object = to_json(host_, text);
    if (!object) return std::unexpected(std::move(object).error());
    auto model = workflow::read_model(*object);
    if (!model) return std::unexpected(std::move(model).error());
    Contract contract{std::move(text),
                      std::move(digest),
                      std::make_shared<const workflow::Model>(std::move(*model))};
    const std::scoped_lock lock(mutex_);
    if (recent_.size() >= kRecentMax) recent_.erase(recent_.begin());
    recent_.push_back(contract);
    return contract;
}

std::vector<Contracts::Loaded> Contracts::load() {
    std::vector<std::string> paths;
    for (const auto& folder : folders_) {
        std::error_code unreadable;
        for (std::filesystem::directory_iterator it(folder, unreadable), end;
             !unreadable && it != end;
             it.increment(unreadable)) {
            const auto extension = it->path().extension();
            if (extension == ".yaml" || extension == ".yml") paths.push_back(it->path().string());
        }
    }
    std::ranges::sort(paths);
    std::vector<Loaded> out;
    for (const auto& path : paths) {
        Loaded loaded;
        loaded.file.path = path;
        loaded.file.name = std::filesystem::path(path).stem().string();
        std::error_code no_size;
        const auto bytes = std::filesystem::file_size(path, no_size);
        std::ifstream stream(path, std::ios::binary);
        if (no_size || !stream) {
            loaded.file.error = "can't be read; check its permissions";
        } else if (bytes > kContractBytesMax) {
            loaded.file.error = "is larger than 1 MiB";
        } else {
            loaded.text.assign(std::istreambuf_iterator<char>(stream), {});
            if (auto contract = read(loaded.text)) {
                loaded.file.name = contract->model->name;
                loaded.file.version = contract->model->version;
                loaded.file.description = contract->model->description;
            } else {
                loaded.file.error = contract.error().message;
                // The name that it wants, if that much can be read of it.
                if (auto object = to_json(host_, loaded.text)) {
                    const auto name = get_text(get_object(*object, "node_identity"), "name");
                    if (!name.empty()) loaded.file.name = name;
                }
            }
        }
        out.push_back(std::move(loaded));
    }
    return out;
}

Result<Contract> Contracts::find(std::string_view name) {
    std::string known;
    for (auto& loaded : load()) {
        if (loaded.file.name != name) {
            known += (known.empty() ? "" : ", ") + loaded.file.name;
            continue;
        }
        if (loaded.file.error.empty()) return read(std::move(loaded.text));
        return fail("VALIDATION_ERROR", loaded.file.path + ": " + loaded.file.error);
    }
    return fail("NOT_FOUND",
                "no workflow " + std::string(name.substr(0, 64)) + "; there is " +
                    (known.empty() ? "none" : known));
}

std::vector<ContractFile> Contracts::list() {
    std::vector<ContractFile> out;
    for (auto& loaded : load())
        out.push_back(std::move(loaded.file));
    return out;
}

}  // namespace onex::orchestrator
