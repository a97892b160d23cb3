"""Events: the values that users build and read, their types, and the flow that sends them."""
