"""`make starter DIR=../my-agent`: a project of its own, with what an adopter needs and no proofs.

    manifest    what goes into a starter, what of it is the adopter's, what only proves
    wheels      the library and the tools as wheels, each a file of the starter
    derived     the files that a starter has in a form of its own: Makefile, docs, requirements
    making      all files of a starter, and how they are written into a folder
    upgrading   `make upgrade FROM=../newer-clone` of a starter: what is newer, what is changed
    files       what a starter has and this repository has not: README, an example of a test

`docs/starter.md` tells adopters, `docs/decisions/0039-the-starter-takes-wheels.md` why.
"""
