#pragma once

#include <string>

namespace esphome::steward {

/// What this node says of itself; it knows no transport.
class StewardNode {
 public:
  /// Return the info of the node contract, version 1, as JSON: the node's name and the entities that are not internal.
  std::string info() const;
};

}  // namespace esphome::steward
