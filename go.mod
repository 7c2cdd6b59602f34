module github.com/ktcpvs/ktcpvs

go 1.24.0
