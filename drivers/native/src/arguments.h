#pragma once

#include <node_api.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pin.h"

namespace vhost_conformance {

// Every function of the addon returns one number. Zero and above is the
// result, -1 to -4095 is minus the errno, and below that an argument was
// unusable: -(kUsageError + index of the argument).
constexpr int64_t kUsageError = 10000;

constexpr size_t kMaxArguments = 16;

// Reads the arguments of one call without allocating. A bad argument is
// remembered, so a function checks ok() once, before it acts.
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info);

  bool ok() const { return bad_ < 0; }
  napi_env env() const { return env_; }
  napi_value Raw(size_t index) const { return values_[index]; }

  int32_t Int(size_t index);
  double Number(size_t index);
  // A length or an index: not negative, not fractional.
  size_t Size(size_t index);
  // A number or a bigint.
  uint64_t Word(size_t index);
  bool Bool(size_t index);
  bool IsNull(size_t index) const;
  std::string Text(size_t index);
  std::vector<std::string> Texts(size_t index);

  // Views of typed arrays, or of pinned ones by their number; null and undefined are the empty view. The memory
  // stays valid for the call alone.
  std::span<uint8_t> Bytes(size_t index);
  std::span<int32_t> Ints(size_t index) { return View<int32_t>(index, napi_int32_array); }
  std::span<int16_t> Shorts(size_t index) { return View<int16_t>(index, napi_int16_array); }
  std::span<double> Doubles(size_t index) { return View<double>(index, napi_float64_array); }
  std::span<uint64_t> Words(size_t index) { return View<uint64_t>(index, napi_biguint64_array); }

  // The part of a byte array that starts at argument `offset` and is as long
  // as argument `length`; reaching outside makes `length` a bad argument.
  std::span<uint8_t> Slice(size_t array, size_t offset, size_t length);
  // The same of an array buffer, whose memory is told by its address; no bytes
  // make `length` a bad argument as well.
  std::span<uint8_t> Memory(size_t buffer, size_t offset, size_t length);

  void Refuse(size_t index) {
    if (bad_ < 0) bad_ = static_cast<int64_t>(index);
  }
  napi_value Refusal() const { return Result(-(kUsageError + bad_)); }
  napi_value Result(int64_t value) const;
  napi_value Result(double value) const;

 private:
  std::span<uint8_t> Part(std::span<uint8_t> bytes, size_t offset, size_t length);

  template <typename Element>
  std::span<Element> View(size_t index, napi_typedarray_type wanted) {
    int32_t number;
    if (napi_get_value_int32(env_, values_[index], &number) == napi_ok) {
      const Pinned* pinned = PinOf(number);
      if (pinned != nullptr && pinned->type == wanted) return {static_cast<Element*>(pinned->data), pinned->length};
      Refuse(index);
      return {};
    }
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok) {
      if (!IsNull(index)) Refuse(index);
      return {};
    }
    if (type != wanted) {
      Refuse(index);
      return {};
    }
    return {static_cast<Element*>(data), length};
  }

  napi_env env_;
  napi_value values_[kMaxArguments];
  int64_t bad_ = -1;
};

// What a system call returned, as the addon returns it.
inline int64_t OrErrno(int64_t result) { return result < 0 ? -static_cast<int64_t>(errno) : result; }

}  // namespace vhost_conformance
