#include "tests/support/http.hpp"

#include <arpa/inet.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <ostream>
#include <thread>

namespace onex::test {
namespace asio = boost::asio;
namespace {

/// The client of the test process and the thread that runs it.
class Client {
  public:
    static Client& get() {
        static Client client;
        return client;
    }
    Result<host::ClientResponse> send(host::ClientRequest request, host::Wait wait) {
        constexpr std::uint64_t body_bytes_max = 64 << 20;
        return asio::co_spawn(context_,
                              client_->send(std::move(request), body_bytes_max, std::move(wait)),
                              asio::use_future)
            .get();
    }

  private:
    Client() : thread_([this] { context_.run(); }) {}
    ~Client() {
        client_.reset();
        guard_.reset();
        thread_.join();
    }
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
    std::unique_ptr<host::HttpClient> client_ =
        host::make_http_client(context_.get_executor(), {.idle_connections_max = 0});
    std::thread thread_;
};

}  // namespace

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
    return out << answer.status << ' ' << answer.code << ' ' << answer.message << '\n'
               << answer.body.substr(0, 2000);
}

Answer send(host::ClientRequest request, std::int64_t timeout_ms) {
    Answer answer;
    auto response = Client::get().send(std::move(request), host::Wait::for_ms(timeout_ms));
    if (!response) {
        answer.code = response.error().code;
        answer.message = response.error().message;
        return answer;
    }
    answer.status = response->status;
    answer.headers = std::move(response->headers);
    answer.body = std::move(response->body);
    boost::system::error_code error;
    answer.json = boost::json::parse(answer.body, error);
    if (error) answer.json = nullptr;
    if (const auto* object = answer.json.if_object()) {
        const auto* failure = object->if_contains("error");
        if (failure != nullptr && failure->is_object() && failure->as_object().contains("code")) {
            answer.code = failure->at("code").as_string();
            answer.message = failure->at("message").as_string();
        }
    }
    return answer;
}

Answer send(const host::Endpoint& to,
            std::string method,
            std::string target,
            std::string body,
            host::Headers headers) {
    host::ClientRequest request;
    request.endpoint = to;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers = std::move(headers);
    if (!body.empty() && request.headers.count("Content-Type") == 0) {
        request.headers.add("Content-Type", "application/json");
    }
    request.body = std::move(body);
    return send(std::move(request));
}

host::ClientRequest sign(host::ClientRequest request,
                         const host::SigningKey& key,
                         std::string_view to,
                         std::int64_t now_s) {
    host::sign_request(
        request.headers, key, to, request.method, request.target, request.body, now_s);
    return request;
}

std::int64_t now_s() {
    return static_cast<std::int64_t>(std::time(nullptr));
}

host::Endpoint tcp(std::uint16_t port, std::string address) {
    host::Endpoint endpoint;
    endpoint.host = std::move(address);
    endpoint.port = port;
    return endpoint;
}

RawConnection::RawConnection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

RawConnection::~RawConnection() {
    if (fd_ >= 0) ::close(fd_);
}

bool RawConnection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void RawConnection::finish() {
    ::shutdown(fd_, SHUT_WR);
}

std::string RawConnection::read_answer(std::int64_t timeout_ms) {
    std::string answer;
    const auto wait = host::Wait::for_ms(timeout_ms);
    while (!wait.over()) {
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, 100) <= 0) continue;
        char bytes[16 * 1024];
        const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
        if (count <= 0) return answer;
        answer.append(bytes, static_cast<std::size_t>(count));
        const auto head = answer.find("\r\n\r\n");
        const auto length = answer.find("Content-Length: ");
        if (head != answer.npos && length < head &&
            answer.size() >= head + 4 + std::stoul(answer.substr(length + 16))) {
            return answer;
        }
    }
    return answer;
}

std::string raw_head(const host::ClientRequest& request) {
    auto head = request.method + " " + request.target + " HTTP/1.1\r\nHost: test\r\n";
    for (const auto& field : request.headers.all()) {
        head += field.name + ": " + field.value + "\r\n";
    }
    return head;
}

}  // namespace onex::test
