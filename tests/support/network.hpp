// A second machine, as far as the network goes: a network namespace joined to this one by a cable.
#pragma once

#include <memory>
#include <string>

namespace onex::test {

class Network {
  public:
    /// Null when it can't be made (not root, not Linux); `why_not` says why.
    static std::unique_ptr<Network> make(std::string& why_not);
    ~Network();
    Network(const Network&) = delete;  // Owns a namespace.
    Network& operator=(const Network&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }  ///< of the namespace
    [[nodiscard]] std::string here() const { return prefix_ + ".1"; }
    [[nodiscard]] std::string there() const { return prefix_ + ".2"; }
    /// At most that many megabits per second from here to there; false when the kernel can't.
    [[nodiscard]] bool slow_down(int megabits);
    /// Pulls the cable, and plugs it in again.
    void cut();
    void mend();

  private:
    Network() = default;
    std::string name_;
    std::string cable_;
    std::string prefix_;
};

}  // namespace onex::test
