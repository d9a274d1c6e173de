// One request and its answer on one connection of the client.
#pragma once

#include "host/http/client_pool.hpp"

namespace onex::host {

/// Used once, by run(). What belongs to it stays alive through shared pointers, since the writing
/// of the body and the reading of the answer run side by side.
class Exchange : public std::enable_shared_from_this<Exchange> {
  public:
    /// `body_bytes_max` is for a collected answer; `idle_ms` > 0 asks for a streamed one.
    Exchange(std::shared_ptr<ClientPool> pool,
             std::shared_ptr<ClientRequest> request,
             ClientConnectionPtr connection,
             Wait wait,
             std::uint64_t body_bytes_max,
             std::int64_t idle_ms);

    /// On the connection's strand. Errors as HttpClient's.
    boost::asio::awaitable<Result<ClientResponse>> run();
    /// After an error: the connection was an old one that gave no answer at all, and sending it
    /// again does no harm: none of it was sent, or its method is idempotent (RFC 9110, 9.2.2) and
    /// it is not signed. A signed one needs a new nonce, since the peer may know this one.
    [[nodiscard]] bool may_repeat() const;

  private:
    boost::asio::awaitable<Result<void>> connect();
    boost::asio::awaitable<void> write_request();
    boost::asio::awaitable<Result<void>> write_body();
    boost::asio::awaitable<Result<void>> write_stream();
    boost::asio::awaitable<Result<void>> write_parts(std::string_view a,
                                                     std::string_view b = {},
                                                     std::string_view c = {});
    boost::asio::awaitable<Result<ResponseHead>> read_final_head();
    boost::asio::awaitable<Result<std::string>> collect(BodyDecoder& decoder);
    boost::asio::awaitable<void> pump(PipePtr pipe, std::shared_ptr<BodyDecoder> decoder);
    void stop_writing();
    void release(bool keep_alive, const BodyDecoder& decoder);
    Error explain(Error error) const;
    [[nodiscard]] std::string head_text() const;
    [[nodiscard]] TimePoint step_deadline() const;

    std::shared_ptr<ClientPool> pool_;
    std::shared_ptr<ClientRequest> request_;
    ClientConnectionPtr connection_;
    TransportPtr transport_;
    Wait wait_;
    std::uint64_t body_bytes_max_;
    std::int64_t idle_ms_;
    Cancel::Registration cancel_registration_;
    Signal continue_;
    bool answered_ = false;  // a final head has come
    bool any_byte_ = false;
    bool sent_ = false;     // some of it may have reached the other side
    bool written_ = false;  // the whole request is out
    bool stopped_ = false;  // the rest of the body isn't wanted any more
    bool keep_alive_ = false;
    std::optional<Error> write_error_;
    std::optional<Error> stream_error_;
};

}  // namespace onex::host
