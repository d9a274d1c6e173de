// `contract check`: one file, whichever kind it is.
#include "host/contract/contract.hpp"
#include "host/contract/findings.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/string.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace json = boost::json;

namespace onex::host {

bool check_document(const Schema& schema, const YamlDocument& document, Findings& findings) {
    auto copy = document.root;  // defaults are for the check alone
    const auto good = schema.check(copy);
    if (good) return true;
    boost::system::error_code failed;
    const auto details = json::parse(good.error().details, failed);
    if (failed || !details.is_object()) {
        findings.error("", good.error().message);
        return false;
    }
    for (const auto& item : details.get_object().at("violations").get_array()) {
        const auto& violation = item.get_object();
        findings.error(std::string(violation.at("path").get_string()),
                       std::string(violation.at("message").get_string()));
    }
    return false;
}

std::vector<Finding> check_contract_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        return {{Finding::Level::error,
                 path,
                 "the file can't be read; check its name and permissions"}};
    }
    const auto document = parse_yaml(text.str());
    if (!document) return {{Finding::Level::error, path, document.error().message}};
    Findings findings(*document, path);
    const auto* root = document->root.if_object();
    if (root != nullptr && root->contains("workflow_stages")) {
        check_workflow_document(
            *document, std::filesystem::path(path).parent_path().string(), findings);
    } else if (root != nullptr &&
               (root->contains("io_operations") || root->contains("node_identity"))) {
        read_node_document(*document, findings);
    } else {
        findings.error(
            "",
            "neither a node contract (io_operations) nor a workflow contract (workflow_stages)");
    }
    return findings.take();
}

}  // namespace onex::host
