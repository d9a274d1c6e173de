// From a package to an image under a tag of ours.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_receiver/journal.hpp"
#include "plugins/deployment_receiver/tell.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace onex::receiver {

/// Loads, verifies and tags; adds and removes only tags below onex/<namespace>/ and
/// onex-incoming/<namespace>/.
class Images {
  public:
    Images(const Host& host,
           docker::Engine& engine,
           const Journal& journal,
           std::string name_space,
           std::uint64_t unpacked_bytes_max);

    /// Which image is wanted, for whom.
    struct Wanted {
        std::string container_name;
        std::string deployment_id;
        std::string config_digest;  ///< empty: whatever the package holds
        std::string blob;           ///< the package; empty: there is none
    };

    /// The tag of ours that stands for this digest and still does; nothing when there is none.
    Result<std::optional<OwnImage>> present(std::string_view config_digest, Wait wait);
    /// Makes the image of a deployment be there, by the cheapest way: it is, another tag of ours is
    /// the same image, or the package is loaded. Repeating it is safe. Errors: NOT_FOUND (neither
    /// image nor package), CHECKSUM_MISMATCH (other image than announced), ARCHITECTURE_MISMATCH,
    /// VALIDATION_ERROR, DISK_FULL.
    Result<OwnImage> ensure(const Wanted& wanted, const Tell& tell, std::string& log, Wait wait);
    /// Removes the deployment's tag; the image stays while something else holds it.
    Result<void> remove(std::string_view container_name, std::string_view deployment_id, Wait wait);

    /// "onex/<namespace>/<container>:<deployment>".
    [[nodiscard]] std::string reference(std::string_view container_name,
                                        std::string_view deployment_id) const;

  private:
    /// The name under which a package's image arrives, before it is verified.
    [[nodiscard]] std::string incoming(std::string_view deployment_id) const;
    void drop_incoming(std::string_view deployment_id);
    struct Pump;
    struct Loaded {
        docker::ImageInfo image;
        std::string config_digest;
    };
    Result<Loaded> load(const Wanted& wanted,
                        const std::string& temporary,
                        const Tell& tell,
                        std::string& log,
                        Wait wait);
    static Result<void> run(Pump& pump);
    Result<OwnImage> keep(const Wanted& wanted,
                          std::string_view from,
                          const std::string& image_id,
                          std::string_view digest,
                          Wait wait);

    const Host& host_;
    docker::Engine& engine_;
    const Journal& journal_;
    std::string name_space_;
    std::uint64_t unpacked_bytes_max_;
};

/// ARCHITECTURE_MISMATCH when the image is for another machine than the engine's.
Result<void> check_architecture(std::string_view image, std::string_view engine);

/// `text` as one part of an image's name: lower case, letters, digits and single dashes.
std::string name_part(std::string_view text);

}  // namespace onex::receiver
