// Where the audience finds the code: the last slide shows it, as text and as a QR code. Set it before the talk; until then it
// is an address that leads nowhere, and the build says so.
export const REPOSITORY = 'https://example.org/basket'
