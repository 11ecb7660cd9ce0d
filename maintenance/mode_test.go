package maintenance_test

import (
	"encoding/json"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func TestMode_Parse(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]maintenance.Mode{
		"ENTER": maintenance.ModeEnter, "enter": maintenance.ModeEnter, "Enter": maintenance.ModeEnter,
		"EXIT": maintenance.ModeExit, "exit": maintenance.ModeExit, "eXiT": maintenance.ModeExit,
	} {
		mode, err := maintenance.ParseMode(s)
		require.NoError(t, err)
		assert.Equal(t, want, mode)
	}
	for _, s := range []string{"", "bogus", " ENTER", "ENTER\n", "ENTEREXIT"} {
		_, err := maintenance.ParseMode(s)
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, "%q", s)
		assert.Equal(t, "mode", invalid.Parameter)
	}
}

func TestMode_Text(t *testing.T) {
	t.Parallel()
	var document struct{ Mode maintenance.Mode }
	require.NoError(t, json.Unmarshal([]byte(`{"Mode":"enter"}`), &document))
	assert.Equal(t, maintenance.ModeEnter, document.Mode)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"Mode":"bogus"}`), &document), "neither ENTER nor EXIT")
	assert.Equal(t, maintenance.ModeEnter, document.Mode, "unchanged by the failure")

	data, err := json.Marshal(struct{ Mode maintenance.Mode }{"exit"})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Mode":"EXIT"}`, string(data))
	_, err = json.Marshal(struct{ Mode maintenance.Mode }{})
	require.Error(t, err)
	assert.Equal(t, "ENTER", maintenance.ModeEnter.String())
}

func TestMode_Flag(t *testing.T) {
	t.Parallel()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var mode maintenance.Mode
	flags.TextVar(&mode, "mode", maintenance.ModeEnter, "enter or exit")
	require.NoError(t, flags.Parse([]string{"-mode", "exit"}))
	assert.Equal(t, maintenance.ModeExit, mode)
	require.Error(t, flags.Parse([]string{"-mode", "bogus"}))
}
