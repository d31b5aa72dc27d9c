typedef int tl_kernels_placeholder;
