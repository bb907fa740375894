"""What measuring and breaking a service on this machine have in common; never talks to another one."""
