// Nodes are measured with the sizes of ABI 1.0, not with today's.
#include "tests/unit/plugin/plugin_fixture.hpp"

namespace onex::host::test {
namespace {

constexpr std::uint32_t kNodeBytes10 = 72;  // where a pointer has 8

/// The fixture's plugin, whose node claims to be of another size.
class ResizedImage final : public PluginImage {
  public:
    ResizedImage(std::shared_ptr<PluginImage> image, std::uint32_t bytes)
        : image_(std::move(image)), bytes_(bytes) {}
    [[nodiscard]] const onex_plugin_entry& entry() const override { return image_->entry(); }
    [[nodiscard]] const std::string& file() const override { return image_->file(); }
    [[nodiscard]] const std::string& copy() const override { return image_->copy(); }
    [[nodiscard]] const std::string& digest() const override { return image_->digest(); }
    [[nodiscard]] std::string isolation() const override { return image_->isolation(); }
    onex_status create(const onex_host& host,
                       const onex_create_args& args,
                       const onex_node*& out,
                       onex_error& error) override {
        const auto status = image_->create(host, args, out, error);
        made_ = *out;
        made_.struct_size = bytes_;
        made_.destroy = [](void*) {};
        out = &made_;
        return status;
    }

  private:
    std::shared_ptr<PluginImage> image_;
    std::uint32_t bytes_;
    onex_node made_{};
};

class NodeSize : public PluginTest {};

TEST_F(NodeSize, IsThatOfTheFirstVersionAtLeast) {
    NodeSection section;
    section.name = section.plugin = "scripted";
    const struct {
        const char* name;
        std::uint32_t bytes;
        bool fits;
    } cases[] = {{"of ABI 1.0", kNodeBytes10, true},
                 {"of a later minor", kNodeBytes10 + 64, true},
                 {"cut off", kNodeBytes10 - 1, false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto made = NodeInstance::create(
            *runtime, section, std::make_shared<ResizedImage>(node->image(), c.bytes), {});
        ASSERT_EQ(made.has_value(), c.fits);
        if (!made) {
            EXPECT_EQ(made.error().code, "FAILED_PRECONDITION");
        }
    }
}

}  // namespace
}  // namespace onex::host::test
