// Package maintenancetest is an Elastic Desktop Service in memory, for the tests of programs that
// use package maintenance. No account, no socket and no port are needed:
//
//	service := maintenancetest.NewService()
//	service.AddDesktops("cn-hangzhou", "ecd-1", "ecd-2")
//	service.Connect("cn-hangzhou", "ecd-2", "alice")
//	client, err := service.NewClient()
//	... // the client sends an ENTER for both
//	service.InMaintenance("cn-hangzhou", "ecd-1") // true
//	service.InMaintenance("cn-hangzhou", "ecd-2") // false: entering, as alice is connected
//	service.Disconnect("cn-hangzhou", "ecd-2")
//	service.InMaintenance("cn-hangzhou", "ecd-2") // true
//
// The service is strict: it checks the signature, the clock, the nonce and every parameter of a
// request, and answers what it refuses with the codes, statuses and JSON of the API.
// [Service.Inject] makes it slow, throttled, broken or unreachable, [Service.Deny] makes RAM deny
// actions, and [Service.Requests] tells what it was asked.
//
// A [Service] is an http.Handler, so httptest.NewTLSServer puts it behind a socket where that
// matters, for clients in any language.
//
// # Requests
//
// GET and POST, with the parameters in the query or in a form body
// (application/x-www-form-urlencoded). A parameter that is given twice is refused, and so is a body
// of another type, whose parameters would be ignored. Each request has one of the API's two
// signatures:
//
//   - ACS3-HMAC-SHA256, in the Authorization header, is that of package maintenance and of today's
//     SDKs.
//   - HMAC-SHA1, SignatureVersion 1.0, in the parameter Signature, is the older one of RPC requests.
//     A request is taken for one of these if it has no Authorization header and one of the common
//     parameters: Action, Version, Format, Timestamp, AccessKeyId, SecurityToken, Signature,
//     SignatureMethod, SignatureVersion, SignatureType and SignatureNonce.
//
// Both are checked alike and share the nonces that were used. A wrong secret is answered with
// SignatureDoesNotMatch, a nonce that was used with SignatureNonceUsed, a time that is more than 15
// minutes off with InvalidTimeStamp.Expired, another access key with InvalidAccessKeyId.NotFound,
// another security token with InvalidSecurityToken.Malformed, another version of the API with
// InvalidApi.NotFound, another signature method or version with IncompleteSignature, and a
// parameter that is not there with Missing and its name, for example MissingSignatureNonce.
//
// # Maintenance
//
// An accepted ENTER is not maintenance, after Alibaba Cloud's user guide on maintaining cloud
// computers. It sets the flag EnterMaintenance, and no user can connect from then on. Users that
// are connected stay. When the last of them has left, by [Service.Disconnect] or
// DisconnectDesktopSessions, and the time of [Service.SetTransition] has passed, the flag becomes
// UnderMaintenance. An EXIT takes both flags away. Time is that of [WithClock], or of time.Now,
// which follows a bubble of testing/synctest; nothing runs in the background.
//
// # Operations
//
// SetDesktopMaintenance, DescribeDesktops, DisconnectDesktopSessions and DescribeRegions of version
// 2020-09-30. DescribeDesktops knows DesktopId.N, Tag.N.Key, Tag.N.Value, DesktopGroupId, GroupId,
// OfficeSiteId, OfficeSiteName, DirectoryId, DesktopName, EndUserId.N, DesktopStatus,
// DesktopStatusList.N, FilterDesktopGroup, OnlyDesktopGroup, MaxResults and NextToken. It refuses
// other parameters, published ones included: ignoring one would let a test pass that the service
// fails.
//
// # Assumptions
//
// The published pages leave open how the service behaves in these points. The double assumes:
//
//   - SetDesktopMaintenance is all or nothing: an unknown desktop among known ones changes none of
//     them.
//   - DisconnectDesktopSessions ends the sessions that are there, also if others of the request are
//     not. A desktop that does not exist makes its sessions invalid, not the request.
//   - While an EXIT's transition lasts, a desktop keeps its flag and refuses users. The transition
//     begins with the request, also if a user is still connected. An ENTER during that time calls
//     the EXIT off.
//   - An ENTER for a desktop that is under maintenance changes nothing.
//   - Only a running desktop lets users connect. Any number of users can be connected to one
//     desktop.
//   - Desktops are listed in the byte order of their IDs. DesktopName and the other filters compare
//     the whole text, in the same letter case. EndUserId.N selects by the users that may connect,
//     any of them; a Tag.N without a Value selects by the key; several tags have to be there all.
//   - FilterDesktopGroup leaves pooled desktops out whatever else is asked for: a query for a
//     desktop's ID, for a pool or for OnlyDesktopGroup shows none of them unless FilterDesktopGroup
//     is false.
//   - A NextToken is good only for the query that it was made for, MaxResults aside, and never
//     expires. TotalCount is that of the first page. A desktop that is added between two pages is
//     shown if its ID comes later.
//   - Replies are JSON. An RPC request whose Format is XML, which is also what the API answers with
//     if there is no Format, is refused with InvalidParameter.
//   - The codes CodeUnknownDesktop, CodeUnknownRegion, CodeWrongRegion and CodeWrongMethod have
//     names of this package.
package maintenancetest
