// Answers in the one shape (semantics 2.5).
#pragma once

#include "host/http/message.hpp"
#include "host/plugin/request.hpp"

#include <boost/json/value.hpp>

#include <string>

namespace onex::host {

ServerResponse json_response(unsigned status, std::string body);
/// `unified`: the original's {status,data,error,message,metadata}.
ServerResponse error_response(Error error, const std::string& correlation_id, bool unified = false);
/// What an operation answered; `status` is the contract's for a success.
ServerResponse outcome_response(Outcome outcome,
                                unsigned status,
                                const std::string& correlation_id,
                                bool unified);

}  // namespace onex::host
