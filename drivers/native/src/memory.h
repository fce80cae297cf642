#pragma once

#include <cstddef>
#include <cstdint>

namespace vhost_conformance {

// Keeps a mapping from being unmapped while native code uses it. Answers
// whether [address, address + length) lies in one live mapping that may be
// written.
bool PinMapping(void* address, size_t length);
void UnpinMapping(void* address);
// Whether an address lies in a live mapping; false as well while another
// thread maps or unmaps. For a handler of signals: it does not wait.
bool IsMapped(void* address);

}  // namespace vhost_conformance
