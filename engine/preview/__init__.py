"""Every message of a playbook as a customer would read it, before it is sent to anybody."""
