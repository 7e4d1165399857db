"""What the sandbox asks of the Linux kernel: filters, Landlock, namespaces and capabilities, by plain system calls."""
