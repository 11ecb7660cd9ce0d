package otelmaintenance

var ErrorTypeOf = errorType
