// Looks at folders of plugins, and tells of libraries that are new or have changed.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace onex::host {

/// A file is told once it is finished: its size, time and inode have been the same for a fifth of a
/// second, since linkers and editors write in pieces. The system's word (inotify, kqueue) that
/// something moved in a folder only makes it look. What is there at first is not told. A folder
/// that does not exist yet is looked for every two seconds. `changed` is called on the executor,
/// and must not wait; never after the destructor, which another thread than the executor's runs.
class Watch {
  public:
    Watch(boost::asio::any_io_executor executor,
          std::vector<std::string> folders,
          std::function<void(std::string file)> changed);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace onex::host
