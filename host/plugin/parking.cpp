#include "host/plugin/parking.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace onex::host {

struct Parking::Waiter : std::enable_shared_from_this<Waiter> {
    Waiter(const boost::asio::any_io_executor& executor, std::function<void(bool)> proceed)
        : timer(executor), proceed_(std::move(proceed)) {}

    void arm() {
        timer.expires_at(deadline_in(kParkedMsMax));
        timer.async_wait([self = shared_from_this()](boost::system::error_code ec) {
            if (!ec) self->go(false);
        });
    }
    void go(bool opened) {
        if (gone_.exchange(true)) return;
        std::exchange(proceed_, nullptr)(opened);
    }
    [[nodiscard]] bool is_gone() const { return gone_; }
    boost::asio::steady_timer timer;  ///< touched by who parks, then by who opens: never at once

  private:
    std::function<void(bool)> proceed_;
    std::atomic<bool> gone_{false};
};

Parking::~Parking() = default;

void Parking::close(const std::string& node) {
    const std::scoped_lock lock(mutex_);
    gates_.try_emplace(node);
}

void Parking::open(const std::string& node) {
    std::vector<std::shared_ptr<Waiter>> released;
    {
        const std::scoped_lock lock(mutex_);
        const auto gate = gates_.find(node);
        if (gate == gates_.end()) return;
        released = std::move(gate->second);
        gates_.erase(gate);
    }
    for (const auto& waiter : released) {
        waiter->timer.cancel();
        waiter->go(true);
    }
}

Parking::Answer Parking::park(const std::string& node, std::function<void(bool)> proceed) {
    const std::scoped_lock lock(mutex_);
    const auto gate = gates_.find(node);
    if (gate == gates_.end()) return Answer::open;
    std::erase_if(gate->second, [](const auto& waiter) { return waiter->is_gone(); });
    if (gate->second.size() >= kParkedMax) return Answer::full;
    auto waiter = std::make_shared<Waiter>(executor_, std::move(proceed));
    waiter->arm();
    gate->second.push_back(std::move(waiter));
    return Answer::parked;
}

std::size_t Parking::waiting(const std::string& node) const {
    const std::scoped_lock lock(mutex_);
    const auto gate = gates_.find(node);
    if (gate == gates_.end()) return 0;
    return static_cast<std::size_t>(std::count_if(
        gate->second.begin(), gate->second.end(), [](const auto& w) { return !w->is_gone(); }));
}

}  // namespace onex::host
