// From a request to an operation's input: path, query, JSON body, or the fields in front of a
// stream.
#pragma once

#include "host/contract/contract.hpp"
#include "host/http/message.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <utility>
#include <vector>

namespace onex::host {

using PathParams = std::vector<std::pair<std::string, std::string>>;

/// Query parameters, typed by the operation's input schema; `input` holds a whole JSON object (at
/// most 64 KiB). Path parameters come last and win. Error: VALIDATION_ERROR.
Result<void> add_parameters(boost::json::object& input,
                            const OperationContract& operation,
                            std::string_view query,
                            const PathParams& params);

/// A JSON body; an empty one is {}. Error: VALIDATION_ERROR.
Result<boost::json::object> parse_body(const std::string& body);

/// A body that streams: its fields, and the bytes that follow.
struct StreamedBody {
    boost::json::object fields;
    PipePtr stream;
    std::string content_type;
};
/// A raw body is the stream itself. In multipart/form-data the text parts in front of the first
/// part that is named `stream` or `package`, or has a file name, are fields; part `input` holds a
/// JSON object. Parts behind the stream are read and left out. Errors: VALIDATION_ERROR, or what
/// the body failed with.
boost::asio::awaitable<Result<StreamedBody>> open_streamed_body(
    PipePtr body,
    std::string content_type,
    const OperationContract* operation,
    boost::asio::any_io_executor executor,
    CancelPtr gone);

}  // namespace onex::host
