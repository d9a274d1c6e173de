// The receiver alone against a real Docker engine: each operation by name, the way a workflow calls
// it.
#include "host/ids.hpp"
#include "tests/support/docker_engine.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace onex::test {
namespace json = boost::json;

inline constexpr const char* kBase = "onex-test-base:stable";

inline std::string new_id() {
    return host::random_hex(16);
}

class ReceiverTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        engine = DockerEngine::find_or_start(why_not);
        pack_all();
    }
    /// What the tests deploy, as files; the engine keeps nothing of it.
    static void pack_all() {
        if (engine && !engine->import_busybox(kBase)) {
            why_not = "no busybox to make a base image of (Debian: busybox-static)";
            engine.reset();
        }
        if (!engine) return;
        folder = std::make_unique<TempDir>();
        pack("one", "CMD [\"/bin/busybox\",\"httpd\",\"-f\",\"-p\",\"80\",\"-h\",\"/www\"]");
        pack("two",
             "LABEL version=2\nCMD "
             "[\"/bin/busybox\",\"httpd\",\"-f\",\"-p\",\"80\",\"-h\",\"/www\"]");
        pack("dead", "CMD [\"/bin/busybox\",\"sh\",\"-c\",\"echo no luck; exit 3\"]");
    }
    static void TearDownTestSuite() {
        engine.reset();
        folder.reset();
    }
    /// A package as `docker save | gzip` makes it; the engine forgets the image.
    static void pack(const std::string& name, const std::string& lines) {
        const auto context = folder->path() + "/" + name;
        shell("mkdir -p " + context + "/www");
        write_file(context + "/www/index.html", name);
        write_file(context + "/Dockerfile",
                   std::string("FROM ") + kBase + "\nCOPY www /www\n" + lines + "\n");
        const auto docker = "docker -H unix://" + engine->socket() + " ";
        const auto tag = "onex-receiver-test:" + name;
        const auto made =
            shell("chmod -R a+rX " + context + " && DOCKER_BUILDKIT=0 " + docker + "build -t " +
                  tag + " " + context + " && " + docker + "save " + tag + " | gzip -1 > " +
                  context + ".tgz && " + docker + "inspect -f '{{.Id}}' " + tag +
                  " | tail -n 1 > " + context + ".id && " + docker + "rmi " + tag);
        ASSERT_EQ(made.code, 0) << made.output;
    }
    static std::string package(const std::string& name) {
        return read_file(folder->path() + "/" + name + ".tgz");
    }
    static std::string digest(const std::string& name) {
        auto id = read_file(folder->path() + "/" + name + ".id");
        return id.substr(0, id.find('\n'));
    }

    void SetUp() override {
        if (!engine) GTEST_SKIP() << why_not;
        app_ = "rt-" + host::random_hex(4);
        port_ = free_port();
        start();
    }
    void TearDown() override {
        if (!engine) return;
        if (HasFailure()) std::cerr << engine->docker("ps -a --filter name=" + app_).output;
        shell("d='docker -H unix://" + engine->socket() +
              "'; for c in $($d ps -aq --filter name=" + app_ +
              "); do $d rm -f $c; done; for i in $($d images --format '{{.Repository}}:{{.Tag}}' | "
              "grep -- " +
              app_ + "); do $d rmi $i; done");
    }
    void start(const std::string& settings = "allowed_network_modes = ['bridge']\n") {
        HostOptions options{.folder = data_.path(), .name = "studio"};
        options.program = program_;
        if (!program_.empty()) options.environment.emplace_back("ONEX_FAILPOINT", failpoint());
        options.toml = "[nodes.receiver]\nplugin = 'deployment_receiver'\nlisten = '127.0.0.1:" +
                       std::to_string(listen_) + "'\n[nodes.receiver.settings]\ndocker_socket = '" +
                       engine->socket() +
                       "'\npublish_address = '127.0.0.1'\nstop_grace_s = 1\nsettle_ms = "
                       "300\nmin_healthy_ms = 400\nkeep_previous = 2\n" +
                       settings;
        studio_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(studio_->start()) << studio_->log();
    }

    [[nodiscard]] std::string failpoint() const { return data_.path() + "/failpoint"; }
    [[nodiscard]] virtual json::object config() const {
        return {{"port_mappings", {{{"host_port", port_}, {"container_port", 80}}}}};
    }
    Answer call(const std::string& operation, json::object input) const {
        return studio_->ask(
            "POST", "/onex/v1/nodes/receiver/operations/" + operation, json::serialize(input));
    }
    Answer step(const std::string& operation, const std::string& id, json::object more = {}) const {
        more["container_name"] = app_;
        more["deployment_id"] = id;
        if (!more.contains("deployment_config")) more["deployment_config"] = config();
        if (operation == "check_container_status") more.erase("deployment_config");
        return call(operation, std::move(more));
    }
    Answer upload(const std::string& id,
                  const std::string& body,
                  const std::string& query = {}) const {
        host::ClientRequest request;
        request.endpoint = studio_->admin();
        request.method = "POST";
        request.target = "/deploy?deployment_id=" + id + "&container_name=" + app_ + query;
        request.headers.add("Content-Type", "application/octet-stream");
        request.body = body;
        return send(std::move(request));
    }
    /// All steps up to the health check; the answer of the first one that fails, or of the last.
    Answer deploy(const std::string& id,
                  const std::string& name,
                  const std::string& path = "/index.html") const {
        auto answer = step("announce_deployment", id, {{"config_digest", digest(name)}});
        if (answer.status != 200) return answer;
        if (!answer.json.at("image_present").as_bool()) {
            answer = upload(id, package(name));
            if (answer.status != 202) return answer;
        }
        for (const auto* operation : {"stop_existing_container",
                                      "deploy_container",
                                      "start_container",
                                      "check_container_status"}) {
            json::object more;
            if (operation == std::string("deploy_container")) more = {{"image_tag", name}};
            answer = step(operation, id, more);
            if (answer.status != 200) return answer;
        }
        return step(
            "validate_health_endpoint",
            id,
            {{"health_check_config",
              {{"health_endpoint", path}, {"max_retries", 4}, {"retry_interval_ms", 100}}}});
    }
    Answer finish(const std::string& id, bool success) const {
        return call("release_deployment",
                    {{"workflow_id", id}, {"container_name", app_}, {"success", success}});
    }
    void deploy_well(const std::string& name) {
        const auto id = new_id();
        const auto answer = deploy(id, name);
        ASSERT_EQ(answer.status, 200U) << answer;
        ASSERT_EQ(finish(id, true).status, 200U);
    }
    [[nodiscard]] std::string inspect(const std::string& container,
                                      const std::string& format) const {
        auto out = engine->docker("inspect -f '" + format + "' " + container);
        return out.code == 0 ? out.output.substr(0, out.output.find('\n')) : "";
    }
    /// What the container of that name serves.
    [[nodiscard]] std::string served() const {
        auto out = engine->docker("exec " + app_ + " /bin/busybox cat /www/index.html");
        return out.code == 0 ? out.output.substr(0, out.output.find('\n')) : "";
    }
    [[nodiscard]] int count(const std::string& list) const {
        const auto out = engine->docker(list).output;
        int n = 0;
        for (auto at = out.find(app_); at != std::string::npos; at = out.find(app_, at + 1))
            ++n;
        return n;
    }
    [[nodiscard]] int containers() const {
        return count("ps -a --format '{{.Names}}' --filter name=" + app_);
    }
    [[nodiscard]] int tags() const { return count("images --format '{{.Repository}}'"); }

    static inline std::unique_ptr<DockerEngine> engine;
    static inline std::unique_ptr<TempDir> folder;
    static inline std::string why_not;
    TempDir data_;
    std::string program_;  ///< default: the host; or the one that failpoint() can stop
    std::string app_;
    int port_ = 0;
    std::uint16_t listen_ = free_port();
    std::unique_ptr<HostProcess> studio_;
};

}  // namespace onex::test
