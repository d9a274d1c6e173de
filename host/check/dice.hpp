// Chance that can be repeated: the same seed gives the same numbers with every library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace onex::host::check {

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    /// Of one round of one subject: no round depends on how many there were before.
    Dice(std::uint64_t seed, std::string_view subject, std::uint64_t round) : state_(seed) {
        for (const char c : subject)
            state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
        state_ = next() ^ (round * 0x9E3779B97F4A7C15U);
    }
    std::uint64_t next() {  // splitmix64
        state_ += 0x9E3779B97F4A7C15U;
        auto x = state_;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
        return x ^ (x >> 31U);
    }
    /// 0 … n-1; 0 when n is 0.
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class T>
    T any_of(std::initializer_list<T> list) {
        return *(list.begin() + below(list.size()));
    }

  private:
    std::uint64_t state_;
};

}  // namespace onex::host::check
