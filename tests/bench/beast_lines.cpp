// The operations of tests/abi/plugins/cpp/example_cpp.cpp written on Beast directly, without a
// host: what ./x bench compiles beside it. No part of the default build, since that takes long.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

class Example {
  public:
    asio::awaitable<void> accept(tcp::acceptor acceptor) {
        while (true) {
            auto socket = co_await acceptor.async_accept(asio::use_awaitable);
            const auto executor = socket.get_executor();
            asio::co_spawn(executor, serve(std::move(socket)), [](std::exception_ptr) {});
        }
    }

  private:
    asio::awaitable<void> serve(tcp::socket socket) {
        beast::tcp_stream stream(std::move(socket));
        beast::flat_buffer buffer;
        while (true) {
            http::request_parser<http::string_body> parser;
            parser.body_limit(1 << 20);
            stream.expires_after(std::chrono::seconds(60));
            co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
            const auto request = parser.release();
            if (request.target() == "/lines" && request.method() == http::verb::get) {
                co_await lines(stream, request);
            } else {
                auto response = co_await answer(request);
                co_await http::async_write(stream, response, asio::use_awaitable);
            }
            if (!request.keep_alive()) co_return;
        }
    }

    asio::awaitable<Response> answer(const Request& request) {
        Response response(http::status::ok, request.version());
        response.keep_alive(request.keep_alive());
        response.set(http::field::content_type, "application/json");
        const bool known = request.target() == "/count" || request.target() == "/later";
        if (!known) {
            response.result(http::status::not_found);
        } else if (request.method() != http::verb::post) {
            response.result(http::status::method_not_allowed);
        } else if (request.target() == "/count") {
            response.body() = "{\"count\":" + std::to_string(++count_) + "}";
        } else {
            const auto executor = co_await asio::this_coro::executor;
            asio::steady_timer timer(executor, std::chrono::milliseconds(20));
            co_await timer.async_wait(asio::use_awaitable);
            response.body() = "{\"late\":true}";
        }
        response.prepare_payload();
        co_return response;
    }

    static asio::awaitable<void> lines(beast::tcp_stream& stream, const Request& request) {
        http::response<http::empty_body> head(http::status::ok, request.version());
        head.set(http::field::content_type, "text/plain");
        head.chunked(true);
        http::response_serializer<http::empty_body> serializer(head);
        co_await http::async_write_header(stream, serializer, asio::use_awaitable);
        for (const auto* line : {"one\n", "two\n", "three\n"}) {
            const auto chunk =
                http::make_chunk(asio::buffer(line, std::char_traits<char>::length(line)));
            co_await asio::async_write(stream, chunk, asio::use_awaitable);
        }
        const auto end = http::make_chunk_last();
        co_await asio::async_write(stream, end, asio::use_awaitable);
    }

    std::uint64_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    asio::io_context context(1);
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(),
                                 static_cast<std::uint16_t>(port));
    Example example;
    asio::co_spawn(
        context, example.accept(tcp::acceptor(context, endpoint)), [](std::exception_ptr) {});
    context.run();
    return 0;
}
