#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace vhost_conformance {

// A typed array that calls name by a number: asking node for the memory of an array costs as much as a system call.
struct Pinned {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void* data = nullptr;
};

// Null where no array has that number.
const Pinned* PinOf(int32_t number);

}  // namespace vhost_conformance
