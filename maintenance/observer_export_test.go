package maintenance

import "context"

// ReportsOfCall returns a function that makes the reports of a call with one attempt and a retry, without the requests.
func ReportsOfCall(client *Client) func() {
	c := client.newCall(setDesktopMaintenance("cn-hangzhou", ModeEnter, []string{"ecd-1"}), nil, client.gate)
	o := new(outcome)
	return func() {
		ctx := c.beginCall(context.Background())
		ctx = c.beginAttempt(ctx)
		c.finishAttempt(o, verdict{})
		client.tellRetry(ctx, c.retryInfo(o), 0)
		c.finishCall(nil)
	}
}
