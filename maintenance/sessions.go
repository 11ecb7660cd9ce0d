package maintenance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSessions is the largest number of sessions in one DisconnectDesktopSessions call, as its
// reference page says.
const maxSessions = 20

// DisconnectSessions ends sessions of end users (DisconnectDesktopSessions), so that a desktop that
// is entering maintenance can reach it. It accepts any number of sessions and sends 20 per request.
//
// It returns the sessions that the service refused because they do not exist or cannot be
// disconnected. With an error it returns the sessions refused so far. The sessions of the failed
// request are not disconnected, unless the error matches [ErrOutcomeUnknown]; the sessions after
// them were not sent. The errors are those of [Client.SetMaintenance]. The caller needs permission
// for the RAM action ecd:DisconnectDesktopSessions.
func (c *Client) DisconnectSessions(ctx context.Context, region string, sessions []DesktopSession) (refused []DesktopSession, err error) {
	if err := c.validateTarget(ctx, region); err != nil {
		return nil, err
	}
	for i, s := range sessions {
		if problem := desktopIDProblem(s.DesktopId); problem != "" {
			return nil, &ValidationError{fmt.Sprintf("sessions[%d].DesktopId", i), problem}
		}
		if problem := endUserIDProblem(s.EndUserId); problem != "" {
			return nil, &ValidationError{fmt.Sprintf("sessions[%d].EndUserId", i), problem}
		}
	}
	for some := range slices.Chunk(sessions, maxSessions) {
		var reply struct{ InvalidSessions []DesktopSession }
		if _, err := c.call(ctx, disconnectDesktopSessions(region, some), &reply); err != nil {
			return refused, err
		}
		refused = append(refused, reply.InvalidSessions...)
	}
	return refused, nil
}

// endUserIDProblem returns the reason why an ID is invalid, or "" if it is valid.
func endUserIDProblem(id string) string {
	switch {
	case id == "":
		return "is empty"
	case !utf8.ValidString(id):
		return quoted(id) + " is not valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return quoted(id) + " contains a control character"
	}
	return ""
}
