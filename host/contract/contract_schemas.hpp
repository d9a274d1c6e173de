// contracts/schema/*.json, built into the binary. Internal to this folder.
#pragma once

#include "host/contract/schema.hpp"

namespace onex::host {

/// Compiled at first use; [any thread].
const Schema& node_contract_schema();
const Schema& workflow_contract_schema();

}  // namespace onex::host
