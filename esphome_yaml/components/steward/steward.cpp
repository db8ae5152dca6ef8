#include "steward.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "esphome/core/application.h"
#include "esphome/core/helpers.h"
#include "esphome/core/version.h"

namespace esphome::steward {

static constexpr const char *BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static constexpr size_t ULID_LENGTH = 26;
static constexpr int MAX_PRECISION = 16;

static void add_text(std::string &json, const char *text) {
  json += '"';
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\') {
      json += '\\';
      json += *text;
    } else if (static_cast<uint8_t>(*text) < 0x20) {
      char escaped[7];
      snprintf(escaped, sizeof(escaped), "\\u%04x", *text);
      json += escaped;
    } else {
      json += *text;
    }
  }
  json += '"';
}

static void add_name(std::string &json, const char *name) {
  if (json.back() != '{')
    json += ',';
  add_text(json, name);
  json += ':';
}

// What is empty is left out: to the contract it is the same.
static void add(std::string &json, const char *name, const char *value) {
  if (*value == '\0')
    return;
  add_name(json, name);
  add_text(json, value);
}

static void add(std::string &json, const char *name, float value) {
  char number[24];
  snprintf(number, sizeof(number), "%.7g", value);
  add_name(json, name);
  json += number;
}

static void add(std::string &json, const char *name, bool value) {
  add_name(json, name);
  json += value ? "true" : "false";
}

// The ULID of time 0 and this chip's MAC address: it stays as long as the chip, and two nodes of one name have different ones.
static void add_instance(std::string &json) {
  uint8_t mac[MAC_ADDRESS_SIZE];
  get_mac_address_raw(mac);
  uint64_t number = 0;
  for (uint8_t byte : mac)
    number = number << 8 | byte;
  char ulid[ULID_LENGTH + 1] = {};
  for (size_t i = ULID_LENGTH; i-- > 0; number >>= 5)
    ulid[i] = BASE32[number & 31];
  add(json, "instance", ulid);
}

static void begin_entity(std::string &json, const char *platform, const EntityBase &entity) {
  if (json.back() != '[')
    json += ',';
  json += '{';
  add(json, "platform", platform);
  char key[OBJECT_ID_MAX_LEN];
  add(json, "key", entity.get_object_id_to(key).c_str());
  add(json, "name", entity.get_name().c_str());
  char device_class[MAX_DEVICE_CLASS_LENGTH];
  add(json, "device_class", entity.get_device_class_to(device_class));
  char icon[MAX_ICON_LENGTH];
  add(json, "icon", entity.get_icon_to(icon));
  if (entity.get_entity_category() == ENTITY_CATEGORY_CONFIG)
    add(json, "category", "config");
  if (entity.get_entity_category() == ENTITY_CATEGORY_DIAGNOSTIC)
    add(json, "category", "diagnostic");
  if (entity.is_disabled_by_default())
    add(json, "enabled", false);
}

#ifdef USE_BINARY_SENSOR
static void add_more(std::string &json, binary_sensor::BinarySensor &entity) {}
#endif

#ifdef USE_BUTTON
static void add_more(std::string &json, button::Button &entity) {}
#endif

#ifdef USE_SWITCH
static void add_more(std::string &json, switch_::Switch &entity) {}
#endif

#ifdef USE_TEXT_SENSOR
static void add_more(std::string &json, text_sensor::TextSensor &entity) {}
#endif

#ifdef USE_LIGHT
static void add_more(std::string &json, light::LightState &entity) {
  const auto traits = entity.get_traits();
  if (traits.supports_color_capability(light::ColorCapability::BRIGHTNESS))
    add(json, "brightness", true);
  // A light that can be white instead of coloured tells an empty colour then, which the contract doesn't know.
  bool color = traits.supports_color_capability(light::ColorCapability::RGB);
  for (light::ColorMode mode : traits.get_supported_color_modes())
    color = color && (mode & light::ColorCapability::RGB);
  if (color)
    add(json, "color", true);
}
#endif

#ifdef USE_NUMBER
static void add_more(std::string &json, number::Number &entity) {
  add(json, "minimum", entity.traits.get_min_value());
  add(json, "maximum", entity.traits.get_max_value());
  add(json, "step", entity.traits.get_step());
  if (entity.traits.get_mode() == number::NUMBER_MODE_BOX)
    add(json, "mode", "box");
  if (entity.traits.get_mode() == number::NUMBER_MODE_SLIDER)
    add(json, "mode", "slider");
  add(json, "unit", entity.get_unit_of_measurement_ref().c_str());
}
#endif

#ifdef USE_SENSOR
static void add_more(std::string &json, sensor::Sensor &entity) {
  add(json, "unit", entity.get_unit_of_measurement_ref().c_str());
  switch (entity.get_state_class()) {
    case sensor::STATE_CLASS_MEASUREMENT:
      add(json, "state_class", "measurement");
      break;
    case sensor::STATE_CLASS_MEASUREMENT_ANGLE:
      add(json, "state_class", "measurement_angle");
      break;
    case sensor::STATE_CLASS_TOTAL:
      add(json, "state_class", "total");
      break;
    case sensor::STATE_CLASS_TOTAL_INCREASING:
      add(json, "state_class", "total_increasing");
      break;
    case sensor::STATE_CLASS_NONE:
      break;
  }
  // Always there: it is what makes a sensor one of numbers.
  add(json, "precision", static_cast<float>(std::clamp<int>(entity.get_accuracy_decimals(), 0, MAX_PRECISION)));
}
#endif

template<typename Entities> void add_entities(std::string &json, const char *platform, const Entities &entities) {
  for (auto *entity : entities) {
    if (entity->is_internal())
      continue;
    begin_entity(json, platform, *entity);
    add_more(json, *entity);
    json += '}';
  }
}

std::string StewardNode::info() const {
  std::string json = "{\"contract\":1";
  add_instance(json);
  const auto &name = App.get_friendly_name().empty() ? App.get_name() : App.get_friendly_name();
  add(json, "name", name.c_str());
  add(json, "area", App.get_area());
  add(json, "manufacturer", "ESPHome");
  add(json, "model", ESPHOME_BOARD);
  json += ",\"versions\":{";
  add(json, "esphome", ESPHOME_VERSION);
  json += "},\"entities\":[";
  // ESPHome's events carry no id, without which the hub takes none.
#ifdef USE_BINARY_SENSOR
  add_entities(json, "binary_sensor", App.get_binary_sensors());
#endif
#ifdef USE_BUTTON
  add_entities(json, "button", App.get_buttons());
#endif
#ifdef USE_LIGHT
  add_entities(json, "light", App.get_lights());
#endif
#ifdef USE_NUMBER
  add_entities(json, "number", App.get_numbers());
#endif
#ifdef USE_SENSOR
  add_entities(json, "sensor", App.get_sensors());
#endif
#ifdef USE_SWITCH
  add_entities(json, "switch", App.get_switches());
#endif
#ifdef USE_TEXT_SENSOR
  add_entities(json, "sensor", App.get_text_sensors());
#endif
  json += "]}";
  return json;
}

}  // namespace esphome::steward
