// A pretended CUDA device for a CPU build of torch. Autograd asks the device guard of cuda:0 for streams and events;
// these do nothing, because fake tensors compute nothing. Load it before torch is imported.
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <ATen/detail/CUDAHooksInterface.h>
namespace {
using namespace c10;
struct Guard : public impl::DeviceGuardImplInterface {
  Stream s(Device d) const { return Stream(Stream::DEFAULT, Device(DeviceType::CUDA, d.index() < 0 ? 0 : d.index())); }
  DeviceType type() const override { return DeviceType::CUDA; }
  Device exchangeDevice(Device) const override { return getDevice(); }
  Device getDevice() const override { return Device(DeviceType::CUDA, 0); }
  void setDevice(Device) const override {}
  void uncheckedSetDevice(Device) const noexcept override {}
  Stream getStream(Device d) const override { return s(d); }
  Stream getDefaultStream(Device d) const override { return s(d); }
  Stream getNewStream(Device d, int) const override { return s(d); }
  Stream exchangeStream(Stream x) const override { return x; }
  DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const Stream&, const DeviceIndex, const EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, const DeviceIndex) const noexcept override {}
  bool queryStream(const Stream&) const override { return true; }
  void synchronizeStream(const Stream&) const override {}
  void synchronizeEvent(void*) const override {}
  void synchronizeDevice(const DeviceIndex) const override {}
};
Guard guard;
impl::DeviceGuardImplRegistrar reg(DeviceType::CUDA, &guard);
struct CUDAHooks : public at::CUDAHooksInterface {
  CUDAHooks(at::CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  at::DeviceIndex deviceCount() const override { return 1; }
};
}
namespace at { REGISTER_CUDA_HOOKS(CUDAHooks); }
