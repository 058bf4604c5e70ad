"""A CUDA device on machines that have none: data on the CPU, the rules of a GPU.

``emulated()`` in `driver` puts it in place and yields a `Meter`: how often the host waited for the device, what was
launched, how much memory was held. What a real GPU would refuse is refused; fresh memory is full of NaN; what is copied
to the host without waiting is NaN until somebody waits. Times mean nothing here, and kernels are the CPU's: in fp32
results equal those of the CPU to the bit.

It rests on private functions of PyTorch, and is skipped where a build lacks them, or has a real GPU.
"""
