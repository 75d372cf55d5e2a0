"""GitHub's REST API: one client for any base URL and any credential. Knows no Django.

`client` has a method for each call, `payloads` what the answers say, `errors` what went wrong as
decisions, `auth` the credentials. Below them `transport` sends a request and sees it through, `limits`
remembers when the next one may go out, `pages` reads a list to its end, `downloads` fetches files.
"""
