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

const GuardWorkflow = guardWorkflow

type (
	GuardInput  = guardInput
	GuardResult = guardResult
	EnterInput  = enterInput
	EnterResult = enterResult
	WaitInput   = waitInput
	WaitResult  = waitResult
	ReadyInput  = readyInput
	ExitInput   = exitInput
	ExitResult  = exitResult
)

// Guard is the workflow of the guard.
var Guard = guard
