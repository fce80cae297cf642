#include "arguments.h"

#include <cmath>

namespace vhost_conformance {

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  size_t count = kMaxArguments;
  // Arguments that were not given read as undefined.
  napi_get_cb_info(env, info, &count, values_, nullptr, nullptr);
}

int32_t Arguments::Int(size_t index) {
  int32_t value = 0;
  if (napi_get_value_int32(env_, values_[index], &value) != napi_ok) Refuse(index);
  return value;
}

double Arguments::Number(size_t index) {
  double value = 0;
  if (napi_get_value_double(env_, values_[index], &value) != napi_ok || std::isnan(value)) Refuse(index);
  return value;
}

size_t Arguments::Size(size_t index) {
  double value = Number(index);
  if (!(value >= 0 && value <= 9007199254740991.0) || value != std::floor(value)) {
    Refuse(index);
    return 0;
  }
  return static_cast<size_t>(value);
}

uint64_t Arguments::Word(size_t index) {
  double number = 0;
  if (napi_get_value_double(env_, values_[index], &number) == napi_ok) return Size(index);
  uint64_t word = 0;
  bool lossless = false;
  if (napi_get_value_bigint_uint64(env_, values_[index], &word, &lossless) != napi_ok || !lossless) Refuse(index);
  return word;
}

bool Arguments::Bool(size_t index) {
  bool value = false;
  if (napi_get_value_bool(env_, values_[index], &value) != napi_ok) Refuse(index);
  return value;
}

bool Arguments::IsNull(size_t index) const {
  napi_valuetype type;
  return napi_typeof(env_, values_[index], &type) == napi_ok && (type == napi_null || type == napi_undefined);
}

static bool ReadText(napi_env env, napi_value value, std::string* text) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text->resize(length + 1);
  napi_get_value_string_utf8(env, value, text->data(), length + 1, &length);
  text->resize(length);
  return true;
}

std::string Arguments::Text(size_t index) {
  std::string text;
  if (!ReadText(env_, values_[index], &text)) Refuse(index);
  return text;
}

std::vector<std::string> Arguments::Texts(size_t index) {
  std::vector<std::string> texts;
  uint32_t length = 0;
  if (napi_get_array_length(env_, values_[index], &length) != napi_ok) {
    Refuse(index);
    return texts;
  }
  texts.resize(length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    if (napi_get_element(env_, values_[index], i, &element) != napi_ok || !ReadText(env_, element, &texts[i])) {
      Refuse(index);
    }
  }
  return texts;
}

std::span<uint8_t> Arguments::Bytes(size_t index) { return View<uint8_t>(index, napi_uint8_array); }

std::span<uint8_t> Arguments::Slice(size_t array, size_t offset, size_t length) {
  return Part(Bytes(array), offset, length);
}

std::span<uint8_t> Arguments::Memory(size_t buffer, size_t offset, size_t length) {
  void* data = nullptr;
  size_t size = 0;
  if (napi_get_arraybuffer_info(env_, values_[buffer], &data, &size) != napi_ok) Refuse(buffer);
  std::span<uint8_t> part = Part({static_cast<uint8_t*>(data), size}, offset, length);
  if (part.empty()) Refuse(length);
  return part;
}

std::span<uint8_t> Arguments::Part(std::span<uint8_t> bytes, size_t offset, size_t length) {
  size_t from = Size(offset);
  size_t count = Size(length);
  if (from > bytes.size()) {
    Refuse(offset);
    return {};
  }
  if (count > bytes.size() - from) {
    Refuse(length);
    return {};
  }
  return bytes.subspan(from, count);
}

napi_value Arguments::Result(int64_t value) const {
  napi_value result = nullptr;
  napi_create_int64(env_, value, &result);
  return result;
}

napi_value Arguments::Result(double value) const {
  napi_value result = nullptr;
  napi_create_double(env_, value, &result);
  return result;
}

}  // namespace vhost_conformance
