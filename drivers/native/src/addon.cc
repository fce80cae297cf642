#include <napi.h>

#include "functions.h"

namespace vhost_conformance {

void Define(napi_env env, napi_value exports, const Function* functions, size_t count) {
  for (size_t i = 0; i < count; i++) {
    napi_value function;
    napi_status status =
        napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].callback, nullptr, &function);
    if (status == napi_ok) status = napi_set_named_property(env, exports, functions[i].name, function);
    if (status != napi_ok) Napi::Error::Fatal(functions[i].name, "cannot be defined");
  }
}

static Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  DefineBusError(env, exports);
  DefineDeviceFile(env, exports);
  DefineEventfd(env, exports);
  DefineExchange(env, exports);
  DefineFile(env, exports);
  DefineMemory(env, exports);
  DefineMutator(env, exports);
  DefineOutputSink(env, exports);
  DefinePacket(env, exports);
  DefineParentWatch(env, exports);
  DefinePin(env, exports);
  DefineProcess(env, exports);
  DefineSocket(env, exports);
  DefineSpawn(env, exports);
  DefineSystemCallScript(env, exports);
  DefineUserfault(env, exports);
  DefineWait(env, exports);
  DefineWaitSet(env, exports);
  return exports;
}

NODE_API_MODULE(vhost_conformance, Initialize)

}  // namespace vhost_conformance
