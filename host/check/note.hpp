// What a child did last, for the process that looks after it: kept in memory that both share, since
// a child that crashes tells nothing.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace onex::host::check {

class Note {
  public:
    Note() {
        void* memory = ::mmap(
            nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::runtime_error("no memory to share with a child");
        page_ = new (memory) Page;
    }
    ~Note() { ::munmap(page_, sizeof(Page)); }
    Note(const Note&) = delete;  // Owns a mapping.
    Note& operator=(const Note&) = delete;

    void round(std::int64_t number) { page_->round = number; }
    void text(std::string_view what) {
        const auto size = std::min(what.size(), sizeof(page_->text));
        std::memcpy(page_->text, what.data(), size);
        page_->size = size;
    }
    void count_valid() { ++page_->valid; }

    [[nodiscard]] std::int64_t round() const { return page_->round; }
    [[nodiscard]] std::int64_t valid() const { return page_->valid; }
    [[nodiscard]] std::string text() const { return {page_->text, page_->size}; }

  private:
    struct Page {
        std::atomic<std::int64_t> round = 0;
        std::atomic<std::int64_t> valid = 0;  ///< rounds with an input that the schema allows
        std::atomic<std::size_t> size = 0;
        char text[400] = {};
    };
    Page* page_ = nullptr;
};

}  // namespace onex::host::check
