package maintenance

// NewTransport is the transport of the default client.
var NewTransport = newTransport
