#include "pin.h"

#include "arguments.h"
#include "functions.h"

namespace vhost_conformance {

static std::vector<Pinned> pins;

const Pinned* PinOf(int32_t number) {
  if (number < 0 || static_cast<size_t>(number) >= pins.size()) return nullptr;
  return &pins[static_cast<size_t>(number)];
}

// pin(array): a number that stands for it in every call
//
// The array is kept for good. Its memory does not move: asking for it takes it out of the heap.
static napi_value Pin(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Pinned pinned;
  napi_ref reference = nullptr;
  if (napi_get_typedarray_info(env, arguments.Raw(0), &pinned.type, &pinned.length, &pinned.data, nullptr, nullptr) !=
          napi_ok ||
      napi_create_reference(env, arguments.Raw(0), 1, &reference) != napi_ok) {
    arguments.Refuse(0);
    return arguments.Refusal();
  }
  pins.push_back(pinned);
  return arguments.Result(static_cast<int64_t>(pins.size() - 1));
}

void DefinePin(napi_env env, napi_value exports) { Define(env, exports, {{"pin", Pin}}); }

}  // namespace vhost_conformance
