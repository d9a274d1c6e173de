// A server and a client on two I/O threads, and a raw socket for clients that misbehave.
#pragma once

#include "host/http/server.hpp"

#include <onex/error.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace onex::host {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// Threads that run an io_context as long as this lives.
class IoThreads {
  public:
    explicit IoThreads(int count = 2) {
        for (int i = 0; i < count; ++i)
            threads_.emplace_back([this] { io_.run(); });
    }
    ~IoThreads() { stop(); }
    void stop() {
        guard_.reset();
        io_.stop();
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
    }
    asio::any_io_executor executor() { return io_.get_executor(); }

    /// Runs `task` on the threads and waits for its result, at most 20 s.
    template <class T>
    T run(asio::awaitable<T> task) {
        auto future = start(std::move(task));
        if (future.wait_for(20s) != std::future_status::ready) {
            ADD_FAILURE() << "no result within 20 s";
            std::abort();  // The threads still use what this test owns.
        }
        return future.get();
    }
    template <class T>
    std::future<T> start(asio::awaitable<T> task) {
        return asio::co_spawn(io_, std::move(task), asio::use_future);
    }

  private:
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(io_);
    std::vector<std::thread> threads_;
};

/// True as soon as `condition` holds; false when it doesn't within 5 s.
template <class Condition>
bool eventually(Condition condition) {
    for (const auto end = SteadyClock::now() + 5s; SteadyClock::now() < end;) {
        if (condition()) return true;
        std::this_thread::yield();
    }
    return condition();
}

/// A folder of its own, removed at the end.
class TempDir {
  public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "onex_http_XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

class HttpTest : public testing::Test {
  protected:
    void serve(HttpHandler handler, ServerLimits limits = {}, ListenAddress address = {}) {
        if (address.unix_path.empty()) address.address = "127.0.0.1";
        auto made = listen(io_.executor(), address, limits, std::move(handler));
        ASSERT_TRUE(made) << made.error().message;
        listener_ = *std::move(made);
        endpoint_.host = "127.0.0.1";
        endpoint_.port = listener_->port();
        endpoint_.unix_path = address.unix_path;
        endpoint_.tls = !address.tls_cert_file.empty();
    }

    ClientRequest request(std::string target, std::string body = {}) {
        ClientRequest out;
        out.endpoint = endpoint_;
        out.method = body.empty() ? "GET" : "POST";
        out.target = std::move(target);
        out.body = std::move(body);
        return out;
    }
    Result<ClientResponse> send(ClientRequest request, std::int64_t ms = 15'000) {
        return io_.run(client_->send(std::move(request), 100'000'000, Wait::for_ms(ms)));
    }
    Result<ClientResponse> open(ClientRequest request, std::int64_t idle_ms = 15'000) {
        return io_.run(client_->open(std::move(request), Wait::for_ms(15'000), idle_ms));
    }

    IoThreads io_;
    std::unique_ptr<HttpClient> client_ = make_http_client(io_.executor(), {});
    std::unique_ptr<Listener> listener_;
    Endpoint endpoint_;
};

/// A blocking socket that sends and reads exactly what a test says.
class RawClient {
  public:
    explicit RawClient(const Endpoint& to) {
        socket_.connect({asio::ip::make_address(to.host), to.port});
        const timeval limit{10, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void write(const std::string& text) { asio::write(socket_, asio::buffer(text), ec_); }
    void shut_write() { socket_.shutdown(asio::socket_base::shutdown_send, ec_); }
    void close() { socket_.close(); }
    /// Everything until the server closes; what came before a reset, too.
    std::string read_all() {
        std::string out;
        for (ssize_t got = 1; got > 0;) {
            char buffer[4096];
            got = ::recv(socket_.native_handle(), buffer, sizeof buffer, 0);
            if (got > 0) out.append(buffer, static_cast<std::size_t>(got));
        }
        return out;
    }
    /// Reads until `text` has come.
    std::string read_until(const std::string& text) {
        std::string out;
        while (out.find(text) == out.npos) {
            char byte = 0;
            if (::recv(socket_.native_handle(), &byte, 1, 0) <= 0) break;
            out += byte;
        }
        return out;
    }

  private:
    asio::io_context io_;
    asio::ip::tcp::socket socket_{io_};
    boost::system::error_code ec_;
};

inline Chunk chunk_of(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
}

/// Answers 200 with "METHOD target body".
inline asio::awaitable<ServerResponse> echo(std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    auto body = co_await request->read_body(1'000'000);
    if (!body) {
        response.status = code_info(body.error().code).http_status;
        response.body = body.error().code;
        co_return response;
    }
    response.headers.add("Content-Type", "text/plain");
    response.body = request->method + " " + request->target + " " + *body;
    co_return response;
}

}  // namespace onex::host
