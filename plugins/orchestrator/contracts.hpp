// Workflow contracts: read from the configured folders each time one is asked for, so that files
// can be edited.
#pragma once

#include "plugins/lib/workflow/model.hpp"

#include <onex/json.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace onex::orchestrator {

/// A contract that can run.
struct Contract {
    std::string text;
    std::string digest;  ///< BLAKE3 of the text
    std::shared_ptr<const workflow::Model> model;
};

/// One file of the folders, runnable or not.
struct ContractFile {
    std::string path;
    std::string name;
    std::string version;
    std::string description;
    std::string error;  ///< empty: valid
};

/// [any thread]
class Contracts {
  public:
    Contracts(const Host& host, std::vector<std::string> folders)
        : host_(host), folders_(std::move(folders)) {}

    /// The contract of that text. Errors: VALIDATION_ERROR.
    Result<Contract> read(std::string text);
    /// The installed contract of that name. Errors: NOT_FOUND with the names that there are,
    /// VALIDATION_ERROR naming its file.
    Result<Contract> find(std::string_view name);
    std::vector<ContractFile> list();

  private:
    struct Loaded {
        ContractFile file;
        std::string text;
    };
    std::vector<Loaded> load();

    const Host& host_;
    std::vector<std::string> folders_;
    std::mutex mutex_;
    std::vector<Contract> recent_;  ///< newest last
};

}  // namespace onex::orchestrator
