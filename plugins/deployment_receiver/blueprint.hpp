// What is written down of a container so that it can be made anew when somebody has removed it.
// Pure.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <string>

namespace onex::receiver {

/// A container as it can be made again.
struct Blueprint {
    /// Of POST /containers/create: restart policy `no`; volumes without a name have got theirs.
    boost::json::object body;
    boost::json::object networks;  ///< name → endpoint settings, of those joined after it is made
    std::string image_id;          ///< what the engine called its image
};

/// Of what inspect answers. Values of the environment are in it: it goes into the table `secrets`
/// only.
Blueprint blueprint_of(const boost::json::object& inspected);

std::string write_blueprint(const Blueprint& blueprint);
/// VALIDATION_ERROR when it is none.
Result<Blueprint> read_blueprint(const std::string& text);

}  // namespace onex::receiver
