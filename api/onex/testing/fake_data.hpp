// Streams, HTTP, programs, blobs, store, events and contracts of the fake host; included by
// fake_services.hpp.
#pragma once

#include <onex/testing/fake_services.hpp>

namespace onex __attribute__((visibility("hidden"))) {
    namespace testing {

    inline void FakeHost::fill_stream() {
        auto& stream = offer(ONEX_STREAM_ID, stream_);
        stream.alloc = [](void* ctx, onex_buf** out) -> onex_status {
            if (of(ctx).refuses()) return ONEX_E_EXHAUSTED;
            auto buffer = std::make_unique<FakeBuffer>();
            buffer->data.resize(ONEX_BUF_BYTES);
            buffer->abi = {sizeof(onex_buf), 0, buffer->data.data(), 0, ONEX_BUF_BYTES};
            *out = &buffer->abi;
            of(ctx).buffers_[*out] = std::move(buffer);
            return ONEX_OK;
        };
        stream.retain = [](void* ctx, onex_buf* buf) { ++of(ctx).buffers_.at(buf)->count; };
        stream.release = [](void* ctx, onex_buf* buf) {
            if (--of(ctx).buffers_.at(buf)->count == 0) of(ctx).buffers_.erase(buf);
        };
        stream.read = [](void* ctx,
                         onex_handle handle,
                         onex_wait wait,
                         onex_buf** out,
                         onex_error* error) -> onex_status {
            const auto found = of(ctx).streams_.find(handle);
            if (found == of(ctx).streams_.end()) return ONEX_E_BAD_HANDLE;
            const auto line = found->second;
            const auto left = [&] { return line->bytes.size() - line->read; };
            // Waiting moves the clock, and with it the tasks that could write.
            const auto end = of(ctx).now_ms() + (wait.timeout_ms < 0 ? 30'000 : wait.timeout_ms);
            while (left() == 0 && !line->finished && !line->closed && !line->broken) {
                if (of(ctx).advance_to_next(end)) continue;
                of(ctx).advance(end - of(ctx).now_ms());
                return put_error({"TIMEOUT", "nothing was written to this stream", {}, {}}, error);
            }
            if (line->broken) return put_error(*line->broken, error);
            if (left() == 0 && line->finished) return ONEX_END;
            if (left() == 0) return put_error({"CANCELLED", "the writer went away", {}, {}}, error);
            const auto count = std::min<std::size_t>(left(), ONEX_BUF_BYTES);
            const auto status = of(ctx).stream_.alloc(ctx, out);
            if (status != ONEX_OK) return status;
            std::memcpy((*out)->data, line->bytes.data() + line->read, count);
            (*out)->size = count;
            line->read += count;
            return ONEX_OK;
        };
        stream.write = [](void* ctx,
                          onex_handle handle,
                          onex_wait,
                          onex_buf* buf,
                          onex_error* error) -> onex_status {
            const auto found = of(ctx).streams_.find(handle);
            if (found == of(ctx).streams_.end()) return ONEX_E_BAD_HANDLE;
            if (found->second->closed)
                return put_error({"CANCELLED", "the reader went away", {}, {}}, error);
            found->second->bytes.append(reinterpret_cast<const char*>(buf->data),
                                        static_cast<std::size_t>(buf->size));
            return ONEX_OK;
        };
        stream.finish = [](void* ctx, onex_handle handle) -> onex_status {
            const auto found = of(ctx).streams_.find(handle);
            if (found == of(ctx).streams_.end()) return ONEX_E_BAD_HANDLE;
            found->second->finished = true;
            return ONEX_OK;
        };
        stream.fail =
            [](void* ctx, onex_handle handle, const onex_failure* failure) -> onex_status {
            const auto found = of(ctx).streams_.find(handle);
            if (found == of(ctx).streams_.end()) return ONEX_E_BAD_HANDLE;
            found->second->broken = Error{std::string(from_abi(failure->code)),
                                          std::string(from_abi(failure->message)),
                                          {},
                                          {}};
            return ONEX_OK;
        };
        stream.close = [](void* ctx, onex_handle handle) -> onex_status {
            const auto found = of(ctx).streams_.find(handle);
            if (found == of(ctx).streams_.end()) return ONEX_E_BAD_HANDLE;
            found->second->closed = true;
            return ONEX_OK;
        };
        stream.pipe =
            [](void* ctx, std::uint32_t, onex_handle* reader, onex_handle* writer) -> onex_status {
            *reader = of(ctx).make_stream({}, false);
            *writer = ++of(ctx).last_handle_;
            of(ctx).streams_[*writer] = of(ctx).streams_.at(*reader);
            return ONEX_OK;
        };
    }

    inline void FakeHost::fill_http_and_process() {
        struct Asked {
            static Result<HttpScript> send(FakeHost& host, const onex_http_request& request) {
                HttpSeen seen{std::string(from_abi(request.method)),
                              std::string(from_abi(request.url)),
                              std::string(from_abi(request.unix_socket)),
                              std::string(reinterpret_cast<const char*>(request.body.data),
                                          static_cast<std::size_t>(request.body.size)),
                              {}};
                if (request.body_stream) seen.body = host.stream_bytes(request.body_stream);
                for (std::uint32_t i = 0; i < request.header_count; ++i) {
                    seen.headers.emplace_back(from_abi(request.headers[i].name),
                                              from_abi(request.headers[i].value));
                }
                host.http_requests.push_back(seen);
                if (host.refuses()) return std::unexpected(host.refusal);
                if (host.on_http) return host.on_http(seen);
                return onex::fail("UNAVAILABLE",
                                  "nobody answers " + seen.url + " in this test; set on_http");
            }
        };
        auto& http = offer(ONEX_HTTP_ID, http_);
        http.send = [](void* ctx,
                       const onex_http_request* request,
                       onex_wait,
                       onex_http_response* response,
                       onex_writer* headers,
                       onex_writer* body,
                       onex_error* error) -> onex_status {
            const auto answer = Asked::send(of(ctx), *request);
            if (!answer) return put_error(answer.error(), error);
            response->status = answer->status;
            put(headers, answer->headers);
            return put(body, answer->body);
        };
        http.open = [](void* ctx,
                       const onex_http_request* request,
                       onex_wait,
                       onex_http_response* response,
                       onex_writer* headers,
                       onex_handle* body,
                       onex_error* error) -> onex_status {
            const auto answer = Asked::send(of(ctx), *request);
            if (!answer) return put_error(answer.error(), error);
            response->status = answer->status;
            put(headers, answer->headers);
            *body = of(ctx).make_stream(answer->body, true);
            return ONEX_OK;
        };
        auto& process = offer(ONEX_PROCESS_ID, process_);
        process.run = [](void* ctx,
                         const onex_process* what,
                         onex_wait,
                         std::int32_t* exit_code,
                         onex_error* error) -> onex_status {
            std::vector<std::string> args;
            for (std::uint32_t i = 0; i < what->arg_count; ++i)
                args.emplace_back(from_abi(what->args[i]));
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            if (!of(ctx).on_run)
                return unavailable(error, "no program runs in this test; set on_run");
            const auto code = of(ctx).on_run(args);
            if (!code) return put_error(code.error(), error);
            *exit_code = *code;
            return ONEX_OK;
        };
    }

    inline void FakeHost::fill_blob() {
        struct Digest {
            static std::string of_bytes(
                std::string_view bytes) {  // FNV-1a, four times with another start.
                std::string out;
                for (std::uint64_t start = 1; start <= 4; ++start) {
                    std::uint64_t hash = 14695981039346656037U * start;
                    for (const char c : bytes)
                        hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
                    for (int shift = 60; shift >= 0; shift -= 4)
                        out += "0123456789abcdef"[(hash >> shift) & 15U];
                }
                return out;
            }
            static void tell(const std::string& digest, std::uint64_t bytes, onex_blob_info* out) {
                out->bytes = bytes;
                std::memcpy(out->digest, digest.data(), sizeof(out->digest));
            }
        };
        auto& blob = offer(ONEX_BLOB_ID, blob_);
        blob.spool = [](void* ctx,
                        onex_handle stream,
                        std::uint64_t bytes_max,
                        onex_str expected,
                        onex_wait,
                        onex_blob_info* out,
                        onex_error* error) -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            auto bytes = of(ctx).stream_bytes(stream);
            if (bytes.size() > bytes_max)
                return put_error({"PACKAGE_TOO_LARGE", "larger than allowed", {}, {}}, error);
            const auto digest = Digest::of_bytes(bytes);
            if (expected.size != 0 && from_abi(expected) != digest) {
                return put_error({"CHECKSUM_MISMATCH", "the digest is " + digest, {}, {}}, error);
            }
            Digest::tell(digest, bytes.size(), out);
            of(ctx).blobs[digest] = std::move(bytes);
            return ONEX_OK;
        };
        blob.open = [](void* ctx,
                       onex_str digest,
                       std::uint64_t offset,
                       onex_handle* stream,
                       onex_error* error) -> onex_status {
            const auto found = of(ctx).blobs.find(from_abi(digest));
            if (found == of(ctx).blobs.end() || offset > found->second.size()) {
                return put_error({"NOT_FOUND", "no such blob", {}, {}}, error);
            }
            *stream = of(ctx).make_stream(found->second.substr(offset), true);
            return ONEX_OK;
        };
        blob.stat =
            [](void* ctx, onex_str digest, onex_blob_info* out, onex_error* error) -> onex_status {
            const auto found = of(ctx).blobs.find(from_abi(digest));
            if (found == of(ctx).blobs.end())
                return put_error({"NOT_FOUND", "no such blob", {}, {}}, error);
            Digest::tell(found->first, found->second.size(), out);
            return ONEX_OK;
        };
        blob.remove = [](void* ctx, onex_str digest, onex_error* error) -> onex_status {
            const auto found = of(ctx).blobs.find(from_abi(digest));
            if (found == of(ctx).blobs.end())
                return put_error({"NOT_FOUND", "no such blob", {}, {}}, error);
            of(ctx).blobs.erase(found);
            return ONEX_OK;
        };
        blob.free_bytes = [](void*, std::uint64_t* out) -> onex_status {
            *out = 1ULL << 40U;
            return ONEX_OK;
        };
    }

    inline void FakeHost::fill_store() {
        auto& store = offer(ONEX_STORE_ID, store_);
        store.begin = [](void* ctx, std::uint32_t, onex_wait, onex_handle* tx, onex_error* error)
            -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            *tx = ++of(ctx).last_handle_;
            of(ctx).transactions_.insert(*tx);
            return ONEX_OK;
        };
        store.execute = [](void* ctx,
                           onex_handle tx,
                           onex_str sql,
                           const onex_param* params,
                           std::uint32_t count,
                           onex_row_fn row,
                           void* user,
                           std::int64_t* affected,
                           onex_error* error) -> onex_status {
            if (!of(ctx).transactions_.contains(tx)) return ONEX_E_BAD_HANDLE;
            of(ctx).statements.emplace_back(from_abi(sql));
            if (affected) *affected = 0;
            if (!of(ctx).on_sql) return ONEX_OK;
            Arguments arguments;
            for (std::uint32_t i = 0; i < count; ++i) {
                const auto& value = params[i].value;
                Value own;
                if (value.type == ONEX_VALUE_INT) own = value.number;
                if (value.type == ONEX_VALUE_DOUBLE) own = value.real;
                if (value.type >= ONEX_VALUE_TEXT) own = std::string(from_abi(value.text));
                arguments.emplace(from_abi(params[i].name), std::move(own));
            }
            const auto answer = of(ctx).on_sql(of(ctx).statements.back(), arguments);
            if (!answer) return put_error(answer.error(), error);
            if (affected) *affected = answer->affected;
            for (const auto& values : answer->rows) {
                std::vector<onex_value> abi;
                for (const auto& value : values) {
                    onex_value cell{};
                    cell.type = static_cast<std::uint32_t>(value.index());
                    if (const auto* n = std::get_if<std::int64_t>(&value)) cell.number = *n;
                    if (const auto* d = std::get_if<double>(&value)) cell.real = *d;
                    if (const auto* s = std::get_if<std::string>(&value)) cell.text = to_abi(*s);
                    abi.push_back(cell);
                }
                if (!row) continue;
                const auto status = row(user, abi.data(), static_cast<std::uint32_t>(abi.size()));
                if (status != ONEX_OK) return status;
            }
            return ONEX_OK;
        };
        store.commit = [](void* ctx, onex_handle tx, onex_error*) -> onex_status {
            if (of(ctx).transactions_.erase(tx) == 0) return ONEX_E_BAD_HANDLE;
            ++of(ctx).committed;
            return ONEX_OK;
        };
        store.rollback = [](void* ctx, onex_handle tx) {
            if (of(ctx).transactions_.erase(tx) != 0) ++of(ctx).rolled_back;
        };
        auto& events = offer(ONEX_EVENTS_ID, events_);
        events.publish = [](void* ctx,
                            onex_handle,
                            const onex_event* event,
                            onex_writer* id,
                            onex_error* error) {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            const auto text = [](onex_str view) { return std::string(from_abi(view)); };
            of(ctx).FakeState::events.push_back({text(event->type),
                                                 text(event->topic),
                                                 text(event->key),
                                                 text(event->correlation_id),
                                                 text(event->workflow_id),
                                                 text(event->payload),
                                                 text(event->metadata)});
            return put(id, "event-" + std::to_string(of(ctx).FakeState::events.size()));
        };
        events.subscribe = [](void* ctx,
                              onex_str,
                              onex_str prefix,
                              std::uint32_t,
                              onex_batch_fn fn,
                              void* user,
                              onex_handle* out,
                              onex_error* error) -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            *out = ++of(ctx).last_handle_;
            of(ctx).subscriptions_[*out] = {std::string(from_abi(prefix)), fn, user};
            return ONEX_OK;
        };
        events.unsubscribe = [](void* ctx, onex_handle subscription) -> onex_status {
            const auto node = of(ctx).subscriptions_.extract(subscription);
            if (!node) return ONEX_E_BAD_HANDLE;
            node.mapped().fn(node.mapped().user, 0, onex_str{}, 1);
            return ONEX_OK;
        };
        events.read =
            [](void*, std::int64_t, onex_str, std::uint32_t, onex_writer* out, onex_error*) {
                return put(out, "[]");
            };
    }

    inline void FakeHost::fill_contract() {
        auto& contract = offer(ONEX_CONTRACT_ID, contract_);
        contract.parse_yaml = [](void* ctx,
                                 onex_str text,
                                 onex_writer* json,
                                 onex_writer* places,
                                 onex_error* error) -> onex_status {
            const auto found = of(ctx).yaml.find(from_abi(text));
            if (found == of(ctx).yaml.end()) {
                return put_error({"VALIDATION_ERROR",
                                  "the test scripts no JSON for this text; set yaml",
                                  {},
                                  {}},
                                 error);
            }
            put(places, "{}");
            return put(json, found->second);
        };
        contract.compile = [](void* ctx, onex_str, onex_handle* out, onex_error*) -> onex_status {
            *out = ++of(ctx).last_handle_;
            return ONEX_OK;
        };
        contract.check = [](void*, onex_handle, onex_str json, onex_writer* out, onex_error*) {
            return put(out, from_abi(json));
        };
        contract.release = [](void*, onex_handle) -> onex_status { return ONEX_OK; };
    }

    inline void FakeHost::fill_kv() {
        auto& kv = offer(ONEX_KV_ID, kv_);
        kv.get = [](void* ctx, onex_handle, onex_str key, onex_writer* value, onex_error* error)
            -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            const auto found = of(ctx).kv.find(from_abi(key));
            if (found == of(ctx).kv.end())
                return put_error({"NOT_FOUND", "no such key", {}, {}}, error);
            return put(value, found->second);
        };
        kv.scan = [](void* ctx,
                     onex_handle,
                     onex_str prefix,
                     onex_str after,
                     std::uint32_t limit,
                     onex_kv_entry_fn fn,
                     void* user,
                     onex_error* error) -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            const auto copy = of(ctx).kv;  // The function may write.
            for (auto at = copy.upper_bound(from_abi(after)); at != copy.end() && limit > 0; ++at) {
                if (!at->first.starts_with(from_abi(prefix))) continue;
                --limit;
                const auto status = fn(
                    user,
                    to_abi(at->first),
                    {reinterpret_cast<const std::uint8_t*>(at->second.data()), at->second.size()});
                if (status != ONEX_OK) return status;
            }
            return ONEX_OK;
        };
        kv.write = [](void* ctx,
                      onex_handle,
                      const onex_kv_change* changes,
                      std::uint32_t count,
                      onex_error* error) -> onex_status {
            if (of(ctx).refuses()) return of(ctx).refuse(error);
            auto next = of(ctx).kv;
            for (std::uint32_t i = 0; i < count; ++i) {
                const std::string key(from_abi(changes[i].key));
                if (changes[i].kind == ONEX_KV_REMOVE) {
                    next.erase(key);
                    continue;
                }
                if (changes[i].kind == ONEX_KV_PUT_IF_ABSENT && next.contains(key))
                    return put_error({"CONFLICT", "the key is there already", {}, {}}, error);
                next[key].assign(reinterpret_cast<const char*>(changes[i].value.data),
                                 static_cast<std::size_t>(changes[i].value.size));
            }
            of(ctx).kv = std::move(next);
            return ONEX_OK;
        };
    }

    }  // namespace testing
}  // namespace onex
