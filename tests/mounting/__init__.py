"""The URL that is registered is the one that answers: every framework, behind a real proxy, over real sockets."""
