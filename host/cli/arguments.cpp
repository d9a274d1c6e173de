#include "host/cli/arguments.hpp"

#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/host.hpp"
#include "host/text/text.hpp"
#include "host/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

namespace onex::host::cli {

namespace {

/// Everything the flags are stored in; lives until the command has run.
struct Options {
    Globals globals;
    DeployOptions deploy;
    RollbackOptions rollback;
    WorkflowOptions workflow;
    ServiceOptions service;
    PluginOptions plugin;
    std::string id;
    std::string name;
    std::string reason;
    std::string resolved_as;
    std::string note;
    std::string file;
    std::vector<std::string> files;
    bool follow = false;
    bool watch = false;
    std::int64_t limit = 20;
    int migrate_to = 0;
};
using OptionsPtr = std::shared_ptr<Options>;

class Grammar {
  public:
    Grammar(CLI::App& app, OptionsPtr options, std::function<int()>& chosen)
        : app_(app), options_(std::move(options)), chosen_(chosen) {}

    void add_all() {
        add_run();
        add_deploy();
        add_runs();
        add_rollback();
        add_workflow();
        add_checks();
        add_migrate();
        add_service();
        add_plugin();
    }

  private:
    using Action = std::function<int(Session&, const Options&)>;

    CLI::App* add(CLI::App& parent,
                  const std::string& name,
                  const std::string& about,
                  Action action) {
        auto* command = parent.add_subcommand(name, about);
        command->add_option("--config",
                            options_->globals.config,
                            "the host's TOML (default: $ONEX_CONFIG, else /etc/onex/host.toml)");
        command->callback([this, action = std::move(action)] {
            chosen_ = [options = options_, action] {
                Session session(options->globals);
                return action(session, *options);
            };
        });
        return command;
    }
    /// A command that asks a host.
    CLI::App* ask(CLI::App& parent,
                  const std::string& name,
                  const std::string& about,
                  Action action) {
        auto* command = add(parent, name, about, std::move(action));
        command->add_option("--host",
                            options_->globals.host,
                            "ask the host at this URL instead; the token comes from $ONEX_TOKEN");
        json_flag(command);
        return command;
    }
    void json_flag(CLI::App* command) {
        command->add_flag("--json", options_->globals.json, "print one JSON document");
    }

    void add_run() {
        auto* run = add(app_,
                        "run",
                        "run a host until SIGTERM or Ctrl-C",
                        [](Session& session, const Options& options) {
                            const RunOptions how{.config_file = session.config_file(),
                                                 .watch = options.watch};
                            const int code = run_host(how);
                            // A service manager tries again after 1, and does not after 2.
                            return code == kFailed && !config_fits(how.config_file) ? kUsage : code;
                        });
        run->add_flag("--watch",
                      options_->watch,
                      "reload nodes whose library changes, as [host] watch = true does");
        auto* version_command = app_.add_subcommand("version", "print the version");
        json_flag(version_command);
        version_command->callback([this] {
            chosen_ = [options = options_] {
                Session session(options->globals);
                return version(session);
            };
        });
    }

    void add_deploy() {
        auto& to = options_->deploy;
        auto* c = ask(app_,
                      "deploy",
                      "build an image (or take one) and run it as a container on a peer",
                      [](Session& s, const Options& o) { return deploy(s, o.deploy); });
        c->add_option("name", to.name, "the container's name")->required();
        c->add_option("--to", to.to, "PEER or HOST[:PORT] (default: the only peer)");
        c->add_option("--image", to.image, "send this image of the local engine, build nothing");
        c->add_option("--tag", to.tag, "the image's tag (default: latest)");
        c->add_option("--context",
                      to.context,
                      "folder to build from (default: this one); with --host URL one of that host");
        c->add_option("--dockerfile", to.dockerfile, "in that folder (default: Dockerfile)");
        c->add_option("--build-arg", to.build_args, "NAME=VALUE, may be repeated")
            ->allow_extra_args(false);
        c->add_flag("--no-cache", to.no_cache, "build every layer anew");
        c->add_flag("--pull", to.pull, "look for newer base images");
        c->add_option("--target", to.build_target, "build up to this stage of the Dockerfile");
        c->add_option("--platform", to.platform, "build for it, as in linux/arm64");
        c->add_option("-p,--port", to.ports, "HOST:CONTAINER[/udp], may be repeated")
            ->allow_extra_args(false);
        c->add_option("-e,--env",
                      to.env,
                      "NAME=VALUE; or NAME=env:VARIABLE or NAME=file:PATH, which the host looks up "
                      "among its own variables and files, not this command")
            ->allow_extra_args(false);
        c->add_option("--volume", to.volumes, "/HOST:/CONTAINER[:ro]")->allow_extra_args(false);
        c->add_option("--network", to.networks, "bridge, host, none, or a network to join")
            ->allow_extra_args(false);
        c->add_option("--label", to.labels, "NAME=VALUE")->allow_extra_args(false);
        c->add_option("--memory", to.memory, "limit, as in 512m or 2g");
        c->add_option("--cpus", to.cpus, "limit, as in 1.5");
        c->add_option("--restart", to.restart, "restart policy (default: unless-stopped)")
            ->check(CLI::IsMember({"no", "always", "on-failure", "unless-stopped"}));
        c->add_option("--health-path", to.health_path, "HTTP path that must answer, as in /health");
        c->add_option(
            "--health-status", to.health_status, "the status it must answer (default: 200)");
        c->add_option(
            "--health-retries", to.health_retries, "probes before giving up (default: 5)");
        c->add_option(
            "--health-interval-ms", to.health_interval_ms, "between probes (default: 2000)");
        c->add_option("--compression", to.compression, "of the stream (default: zstd)")
            ->check(CLI::IsMember({"zstd", "gzip", "none"}));
        auto* path = c->get_option("--health-path");
        auto* tcp = c->add_option("--health-tcp",
                                  to.health_tcp,
                                  "a port of the container that must take connections")
                        ->check(CLI::Range(1, 65535))
                        ->excludes(path);
        c->add_option("--health-exec",
                      to.health_exec,
                      "a program in the container that must end with 0; its arguments are split at "
                      "blanks, without quotes")
            ->excludes(path)
            ->excludes(tcp);
        c->add_option(
             "--health-json", to.health_json, "FIELD=VALUE of the answer, as in data.status=ok")
            ->needs(path)
            ->check([](const std::string& text) {
                return text.find('=') == std::string::npos ? std::string("write FIELD=VALUE")
                                                           : std::string();
            });
        c->add_option("--health-min-ms", to.health_min_ms, "how long it must have run at least");
        c->add_option("--health-watch-ms",
                      to.health_watch_ms,
                      "how long it must stay well after the first good probe");
        c->add_flag("--adopt", to.adopt, "replace a container of that name that onex did not make");
        auto* queue = c->add_flag(
            "--queue", to.queue, "when the name is being deployed already, wait for that to end");
        c->add_flag(
             "--supersede",
             to.supersede,
             "when the name is being deployed already, take over: that deployment ends failed")
            ->excludes(queue);
        c->add_flag("--no-rollback", to.no_rollback, "after a failure leave everything to look at");
        c->add_flag("--skip-health", to.skip_health, "do not check the new container's health");
        c->add_option("--timeout", to.timeout_s, "hard end of the run, in seconds")
            ->check(CLI::Range(1, 86'400));
        c->add_flag("-d,--detach", to.detach, "start it and return");
        c->add_flag("-v,--verbose", to.verbose, "show every log line");
    }

    void add_rollback() {
        auto& to = options_->rollback;
        auto* c = ask(app_,
                      "rollback",
                      "bring back the container that ran before the last deployment",
                      [](Session& s, const Options& o) { return rollback(s, o.rollback); });
        c->add_option("name", to.name, "the container's name")->required();
        c->add_option("--to", to.to, "PEER or HOST[:PORT] where it runs (default: the only peer)");
        auto* steps =
            c->add_option("--steps", to.steps, "deployments to go back")->check(CLI::Range(1, 20));
        c->add_option("--version", to.version, "back to this version, instead of counting")
            ->excludes(steps);
        c->add_flag("--plan", to.plan, "only show what is kept, and how many steps back it is");
        c->add_flag("-d,--detach", to.detach, "start it and return");
    }

    void add_runs() {
        auto* c = ask(app_,
                      "status",
                      "a run, or the host and its latest runs",
                      [](Session& s, const Options& o) { return status(s, o.id); });
        c->add_option("id", options_->id, "workflow id");
        c = ask(app_, "logs", "the log of a run", [](Session& s, const Options& o) {
            return logs(s, o.id, o.follow);
        });
        c->add_option("id", options_->id, "workflow id")->required();
        c->add_flag("-f,--follow", options_->follow, "go on until the run has ended");
        c = ask(app_, "artifact", "what a run has made", [](Session& s, const Options& o) {
            return artifact(s, o.id, o.name, o.file);
        });
        c->add_option("id", options_->id, "workflow id")->required();
        auto* name = c->add_option("name", options_->name, "which one; without it, their names");
        c->add_option("-o,--output", options_->file, "a file, instead of standard output")
            ->needs(name);
        c = ask(app_,
                "cancel",
                "ask a run to stop; it ends by its contract",
                [](Session& s, const Options& o) { return cancel(s, o.id, o.reason); });
        c->add_option("id", options_->id, "workflow id")->required();
        c->add_option("--reason", options_->reason, "kept with the run");
        c = ask(app_,
                "approve",
                "let a run go on that waits for somebody to agree",
                [](Session& s, const Options& o) { return approve(s, o.id, o.note); });
        c->add_option("id", options_->id, "workflow id")->required();
        c->add_option("--note", options_->note, "kept with the run");
        c = ask(
            app_,
            "resolve",
            "end the case of a failed run by hand, and free what nodes keep for it",
            [](Session& s, const Options& o) { return resolve(s, o.id, o.resolved_as, o.note); });
        c->add_option("id", options_->id, "workflow id")->required();
        c->add_option("--as", options_->resolved_as, "rolled-back or abandoned")
            ->required()
            ->check(CLI::IsMember({"rolled-back", "abandoned"}));
        c->add_option("--note", options_->note, "what was done; kept with the run");
        c = ask(app_, "history", "deployments, the latest first", [](Session& s, const Options& o) {
            return history(s, o.name, o.limit);
        });
        c->add_option("name", options_->name, "only of this container");
        c->add_option("-n,--limit", options_->limit, "how many")->check(CLI::Range(1, 200));
    }

    void add_workflow() {
        auto* workflow =
            app_.add_subcommand("workflow", "any workflow contract: run, list, health");
        workflow->require_subcommand(1);
        auto& to = options_->workflow;
        auto* c = ask(*workflow, "run", "start a workflow", [](Session& s, const Options& o) {
            return workflow_run(s, o.workflow);
        });
        c->add_option("name", to.name, "an installed workflow, or a contract file")->required();
        c->add_option("--input", to.input, "its input_state: JSON, or @FILE");
        c->add_option("--timeout", to.timeout_s, "hard end of the run, in seconds")
            ->check(CLI::Range(1, 86'400));
        c->add_flag("--wait", to.wait, "follow it to its end");
        c->add_flag("-v,--verbose", to.verbose, "with --wait: show every log line");
        ask(*workflow,
            "list",
            "the workflows that this host can run",
            [](Session& s, const Options&) { return workflow_list(s); });
        ask(*workflow,
            "health",
            "the health checks of what was deployed; exit 1 when a critical one is unhealthy",
            [](Session& s, const Options&) { return workflow_health(s); });
    }

    void add_checks() {
        auto* contract = app_.add_subcommand("contract", "check contracts");
        contract->require_subcommand(1);
        auto* c = add(*contract,
                      "check",
                      "check node or workflow contracts; exit 1 on an error",
                      [](Session& s, const Options& o) { return contract_check(s, o.files); });
        c->add_option("file", options_->files, "YAML files")->required();
        json_flag(c);
        auto* config = app_.add_subcommand(
            "config", "check a configuration, apply it, or print the reference");
        config->require_subcommand(1);
        c = add(*config,
                "check",
                "check a TOML, and the secrets and plugins it names; exit 1 on an error",
                [](Session& s, const Options& o) { return config_check(s, o.file); });
        c->add_option("file", options_->file, "default: the host's TOML");
        json_flag(c);
        json_flag(add(*config,
                      "reference",
                      "every key of the TOML, as Markdown",
                      [](Session& s, const Options&) { return config_reference(s); }));
        ask(*config,
            "reload",
            "the running host takes the nodes of its TOML as it is now",
            [](Session& s, const Options&) { return config_reload(s); });
        ask(app_,
            "doctor",
            "check Docker, peers, secrets, clocks, disk; say what to do",
            [](Session& s, const Options&) { return doctor(s); });
    }

    void add_migrate() {
        auto* migrate_command = app_.add_subcommand("migrate", "the database's migrations");
        migrate_command->require_subcommand(1);
        const auto step = [&](const std::string& action, const std::string& about) {
            auto* c = add(*migrate_command, action, about, [action](Session& s, const Options& o) {
                return migrate(s, action, o.migrate_to);
            });
            json_flag(c);
            return c;
        };
        step("up", "apply what is missing");
        step("down", "roll back")
            ->add_option("--to", options_->migrate_to, "the number that stays the last")
            ->required()
            ->check(CLI::Range(0, 9999));
        step("status", "which are applied");
    }

    void add_service() {
        auto* service_command = app_.add_subcommand("service", "the host as a system service");
        service_command->require_subcommand(1);
        const auto step = [&](const std::string& action, const std::string& about) {
            auto* c = add(*service_command, action, about, [action](Session& s, const Options& o) {
                auto options = o.service;
                options.action = action;
                return service(s, options);
            });
            json_flag(c);
            if (action == "print") return;
            c->add_option("--folder", options_->service.folder, "where the unit file stands");
            c->add_flag(
                "--no-start", options_->service.no_start, "only the file, no service manager");
        };
        step("install", "write the unit (systemd or launchd), enable and start it");
        step("uninstall", "stop it and remove the unit");
        step("print", "print the unit");
    }

    void add_plugin() {
        auto* plugin =
            app_.add_subcommand("plugin", "plugins and nodes: write, check, look, replace");
        plugin->require_subcommand(1);
        auto& to = options_->plugin;
        auto* c = add(*plugin,
                      "new",
                      "write a folder with a plugin that builds, passes its test and runs",
                      [](Session& s, const Options& o) { return plugin_new(s, o.plugin); });
        c->add_option("name", to.name, "of the plugin, as in word_count")->required();
        c->add_option("--dir", to.folder, "the folder (default: one of that name)");
        json_flag(c);
        c = add(*plugin,
                "check",
                "try a plugin's library in child processes; exit 1 when it fails",
                [](Session& s, const Options& o) { return plugin_check(s, o.plugin); });
        c->add_option("file", to.file, "the library")->required();
        c->add_option("--level",
                      to.level,
                      "load; full (default); fuzz: full, then random inputs, 1000 rounds an "
                      "operation; soak: full, then parallel calls in many lives, 30 s")
            ->check(CLI::IsMember({"load", "full", "fuzz", "soak"}));
        c->add_option(
            "--seed", to.seed, "of fuzz and soak, to repeat a finding (default: a new one)");
        auto* rounds =
            c->add_option("--rounds",
                          to.rounds,
                          "of fuzz (calls of each operation) or of soak (lives of a node)");
        rounds->check(CLI::Range(1, 1'000'000'000));
        c->add_option("--seconds", to.seconds, "for fuzz or soak, instead of --rounds")
            ->check(CLI::Range(1, 86'400))
            ->excludes(rounds);
        c->add_option("--settings", to.settings_file, "a JSON file: the node's settings")
            ->check(CLI::ExistingFile);
        json_flag(c);
        add_nodes(*plugin);
    }

    /// The nodes of a running host.
    void add_nodes(CLI::App& plugin) {
        ask(plugin,
            "list",
            "the nodes of the running host, and libraries that no node uses",
            [](Session& s, const Options&) { return plugin_list(s); });
        auto* c = ask(plugin, "inspect", "all about a node", [](Session& s, const Options& o) {
            return plugin_inspect(s, o.plugin.name);
        });
        c->add_option("node", options_->plugin.name, "as in plugin list")->required();
        const auto change = [&](const std::string& verb, const std::string& about) {
            return ask(plugin, verb, about, [verb](Session& s, const Options& o) {
                return plugin_change(s, verb, o.plugin);
            });
        };
        const std::vector<std::pair<std::string, std::string>> verbs{
            {"reload", "replace a node by its library as it is on disk now, without a gap"},
            {"rollback", "replace a node by the library that it had before"},
            {"unload", "end a node until the host starts again"},
            {"enable", "start a node that is disabled"},
            {"disable", "end a node, and keep it so when the host starts again"},
        };
        for (const auto& [verb, about] : verbs)
            change(verb, about)->add_option("node", options_->plugin.name)->required();
        c = change("load", "start a node of a library that the TOML does not name");
        c->add_option("plugin", options_->plugin.name, "as in plugin list")->required();
        c->add_option("--as", options_->plugin.as, "the node's name (default: the plugin's)");
    }

    CLI::App& app_;
    OptionsPtr options_;
    std::function<int()>& chosen_;
};

/// The first word that should be a command and is none, as a sentence.
std::optional<std::string> unknown_command(const CLI::App& app,
                                           const std::vector<std::string>& words) {
    const CLI::App* parent = &app;
    std::string path;
    for (const auto& word : words) {
        std::vector<std::string> known;
        const CLI::App* next = nullptr;
        for (const auto* command : parent->get_subcommands({})) {
            known.push_back(command->get_name());
            if (command->get_name() == word) next = command;
        }
        if (known.empty() || word.starts_with('-')) return std::nullopt;
        if (!next) {
            return "there is no command '" + path + word + "'" + did_you_mean(word, known) +
                   " (onex-host " + path + "--help lists all)";
        }
        path += word + " ";
        parent = next;
    }
    return std::nullopt;
}

}  // namespace

Parsed parse_arguments(int argc, char** argv) {
    CLI::App app{"onex-host runs nodes, and deploys containers from one host to another."};
    app.name("onex-host");
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 done, 1 failed, 2 wrong use, 3 host unreachable, 130 Ctrl-C: no longer "
        "followed.");
    app.set_version_flag(
        "--version", "onex-host " + std::string(host_version()), "print the version");
    app.set_help_all_flag("--help-all", "help of all commands");

    Parsed parsed;
    Grammar grammar(app, std::make_shared<Options>(), parsed.command);
    grammar.add_all();
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const bool json = std::ranges::find(words, "--json") != words.end();
    const auto wrong = [&](const std::string& message) {
        print_error({"VALIDATION_ERROR", message, {}, {}}, json);
        parsed.exit_code = kUsage;
        return parsed;
    };
    if (const auto unknown = unknown_command(app, words)) return wrong(*unknown);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool asked = error.get_exit_code() == 0;  // For help, or the version.
        if (json && !asked) return wrong(error.what());
        (void)app.exit(error, std::cout, std::cerr);
        parsed.exit_code = asked ? kOk : kUsage;
    }
    return parsed;
}

}  // namespace onex::host::cli
