package temporalwindow

// Names and types of what is not exported, for tests.
const (
	ReadActivity  = readActivity
	EnterActivity = enterActivity
	WaitActivity  = waitActivity
	ReadyActivity = readyActivity
	ExitActivity  = exitActivity
)

type (
	ReadInput  = readInput
	ReadResult = readResult
)
