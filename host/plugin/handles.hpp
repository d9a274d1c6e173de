// Handles that the host gives to plugins: numbers that never come back, so a stale one means
// nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace onex::host {

/// Next handle of the process; one sequence for all tables, so that a handle of one kind is stale
/// in another.
std::uint64_t next_handle();

/// Handle → shared object. [any thread]
template <class T>
class HandleTable {
  public:
    std::uint64_t add(std::shared_ptr<T> object) {
        const auto handle = next_handle();
        const std::scoped_lock lock(mutex_);
        objects_.emplace(handle, std::move(object));
        return handle;
    }
    [[nodiscard]] std::shared_ptr<T> find(std::uint64_t handle) const {
        const std::scoped_lock lock(mutex_);
        const auto found = objects_.find(handle);
        return found == objects_.end() ? nullptr : found->second;
    }
    [[nodiscard]] bool empty() const {
        const std::scoped_lock lock(mutex_);
        return objects_.empty();
    }
    std::shared_ptr<T> take(std::uint64_t handle) {
        const std::scoped_lock lock(mutex_);
        const auto found = objects_.find(handle);
        if (found == objects_.end()) return nullptr;
        auto out = std::move(found->second);
        objects_.erase(found);
        return out;
    }
    /// All that satisfy `test`, taken out.
    template <class Test>
    std::vector<std::pair<std::uint64_t, std::shared_ptr<T>>> take_if(Test&& test) {
        std::vector<std::pair<std::uint64_t, std::shared_ptr<T>>> out;
        const std::scoped_lock lock(mutex_);
        for (auto it = objects_.begin(); it != objects_.end();) {
            if (test(*it->second)) {
                out.emplace_back(it->first, std::move(it->second));
                it = objects_.erase(it);
            } else {
                ++it;
            }
        }
        return out;
    }
    [[nodiscard]] std::vector<std::shared_ptr<T>> all() const {
        std::vector<std::shared_ptr<T>> out;
        const std::scoped_lock lock(mutex_);
        for (const auto& [handle, object] : objects_)
            out.push_back(object);
        return out;
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<T>> objects_;
};

}  // namespace onex::host
