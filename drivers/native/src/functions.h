#pragma once

#include <node_api.h>

namespace vhost_conformance {

struct Function {
  const char* name;
  napi_callback callback;
};

void Define(napi_env env, napi_value exports, const Function* functions, size_t count);

template <size_t Count>
void Define(napi_env env, napi_value exports, const Function (&functions)[Count]) {
  Define(env, exports, functions, Count);
}

void DefineBusError(napi_env env, napi_value exports);
void DefineDeviceFile(napi_env env, napi_value exports);
void DefineEventfd(napi_env env, napi_value exports);
void DefineExchange(napi_env env, napi_value exports);
void DefineFile(napi_env env, napi_value exports);
void DefineMemory(napi_env env, napi_value exports);
void DefineMutator(napi_env env, napi_value exports);
void DefineOutputSink(napi_env env, napi_value exports);
void DefinePacket(napi_env env, napi_value exports);
void DefineParentWatch(napi_env env, napi_value exports);
void DefinePin(napi_env env, napi_value exports);
void DefineProcess(napi_env env, napi_value exports);
void DefineSocket(napi_env env, napi_value exports);
void DefineSpawn(napi_env env, napi_value exports);
void DefineSystemCallScript(napi_env env, napi_value exports);
void DefineUserfault(napi_env env, napi_value exports);
void DefineWait(napi_env env, napi_value exports);
void DefineWaitSet(napi_env env, napi_value exports);

}  // namespace vhost_conformance
