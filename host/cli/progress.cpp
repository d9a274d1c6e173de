#include "host/cli/progress.hpp"

#include "host/cli/output.hpp"
#include "host/cli/view.hpp"

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t kLastLinesMax = 20;
constexpr auto kQuietMax = std::chrono::seconds(10);
constexpr std::size_t kLiveTextMax = 60;
/// Weight of the newest measurement in the rate; older ones fade.
constexpr double kNewest = 0.3;
constexpr const char* kEraseLine = "\r\x1b[K";

std::string stage_head(std::size_t number, std::size_t count, const json::object& stage) {
    return "[" + std::to_string(number) + "/" + std::to_string(count) + "] " +
           printable(text(stage, "stage_name")) + " … ";
}

/// The first operation of a failed stage that failed, in a few words.
std::string failure_of(const json::object& stage) {
    for (const auto& operation : list(stage, "operations")) {
        if (!operation.is_object() || text(operation.get_object(), "state") != "failed") continue;
        return " in " + printable(text(operation.get_object(), "operation_name")) + ": " +
               text(operation.get_object(), "error_code");
    }
    return "";
}

}  // namespace

std::string ProgressView::update(const json::object& status,
                                 const std::vector<LogLine>& lines,
                                 Clock::time_point now) {
    std::string out;
    if (!last_live_) last_live_ = now;
    for (const auto& line : lines) {
        remember(line);
        if (verbose_) out += "    " + printable(line.text) + "\n";
    }
    const auto place = number(status, "queue_place");
    if (place > 0 && place != queue_place_told_) {
        queue_place_told_ = place;
        out += "waiting in the queue, place " + std::to_string(place) + "\n";
    }
    out += ended_stages(status);
    if (!out.empty()) {
        out = finish() + out;
        last_live_ = now;
    }
    return out + live_line(status, now);
}

std::string ProgressView::finish() {
    if (!live_shown_) return "";
    live_shown_ = false;
    return kEraseLine;
}

std::string ProgressView::ended_stages(const json::object& status) {
    const auto& stages = list(status, "stages");
    std::string out;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        if (!stages[i].is_object()) continue;
        const auto& stage = stages[i].get_object();
        const auto state = text(stage, "state");
        const bool ended = state == "completed" || state == "failed" || state == "skipped";
        if (!ended || !ended_.insert(text(stage, "stage_name")).second) continue;
        out += stage_head(i + 1, stages.size(), stage);
        const auto duration = human_duration(number(stage, "duration_ms"));
        if (state == "completed") out += "done in " + duration;
        if (state == "failed") out += "failed after " + duration + failure_of(stage);
        if (state == "skipped") out += "skipped";
        const auto* transfer = find(status, "output.transfer");
        if (state == "completed" && !transfer_told_ && transfer && transfer->is_object()) {
            transfer_told_ = true;
            out += flag(transfer->get_object(), "skipped")
                       ? ", image already there"
                       : ", " + human_bytes(number(transfer->get_object(), "bytes_sent")) + " sent";
        }
        out += "\n";
    }
    return out;
}

std::string ProgressView::live_line(const json::object& status, Clock::time_point now) {
    const auto& current = members(status, "current");
    if (current.empty() || flag(status, "final")) return "";
    if (!terminal_ && now - *last_live_ < kQuietMax) return "";

    const auto& stages = list(status, "stages");
    const auto stage_name = text(current, "stage");
    const auto operation = text(current, "operation");
    std::string line;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        if (!stages[i].is_object() || text(stages[i].get_object(), "stage_name") != stage_name)
            continue;
        line = stage_head(i + 1, stages.size(), stages[i].get_object());
    }
    line += printable(operation);
    if (number(current, "attempt") > 1) line += ", attempt " + text(current, "attempt");

    const auto done = number(current, "progress.done");
    const auto total = number(current, "progress.total");
    measure(done, stage_name + "/" + operation, now);
    if (done > 0) {
        line += " " + human_bytes(done);
        if (total > 0) line += " of " + human_bytes(total);
        if (bytes_per_s_ >= 1) {
            line += ", " + human_bytes(static_cast<std::int64_t>(bytes_per_s_)) + "/s";
            if (total > done) {
                const auto left_ms = static_cast<double>(total - done) / bytes_per_s_ * 1000;
                line += ", " + human_duration(static_cast<std::int64_t>(left_ms)) + " left";
            }
        }
    } else if (const auto said = text(current, "progress.text"); !said.empty()) {
        line += ": " + printable(said.substr(0, kLiveTextMax));
    }
    last_live_ = now;
    if (!terminal_) return line + "\n";
    live_shown_ = true;
    return kEraseLine + line;
}

void ProgressView::measure(std::int64_t done, const std::string& step, Clock::time_point now) {
    if (step != step_ || done < measured_done_) {
        step_ = step;
        measured_done_ = done;
        measured_at_ = now;
        bytes_per_s_ = 0;
        return;
    }
    const auto seconds = std::chrono::duration<double>(now - measured_at_).count();
    if (seconds < 0.2) return;  // Too short a time makes the rate jump.
    const auto rate = static_cast<double>(done - measured_done_) / seconds;
    bytes_per_s_ = bytes_per_s_ > 0 ? kNewest * rate + (1 - kNewest) * bytes_per_s_ : rate;
    measured_done_ = done;
    measured_at_ = now;
}

void ProgressView::remember(const LogLine& line) {
    if (line.operation.empty()) return;
    auto& lines = last_lines_[line.operation];
    lines.push_back(line);
    if (lines.size() > kLastLinesMax) lines.pop_front();
}

std::deque<LogLine> ProgressView::last_lines(const std::string& operation) const {
    const auto found = last_lines_.find(operation);
    return found == last_lines_.end() ? std::deque<LogLine>{} : found->second;
}

}  // namespace onex::host::cli
