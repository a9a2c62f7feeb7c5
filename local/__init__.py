"""The whole stack on one machine, without AWS, Docker or a model key: `make run`, `make demo`.

Development only: nothing here is deployed. It runs in its own environment, beside ministack, the
AWS emulator; its pins exclude those of the tests and of the SAM CLI.

    settings        what a run is given: port, folders, versions
    build           the real `sam build`, skipped when nothing changed
    transform       (in the SAM CLI's environment) the SAM transform, which AWS applies on deploy
    artifacts       a built folder as a zip file
    routes          the routes of the HTTP APIs in the processed template
    gaps            what the emulator does otherwise, said so that it understands
    emulator        ministack as a child process: emulator_process, behind emulator_guard
    emulator_messages  what only its own routes tell: hidden messages, letters of SES
    worker_path     what the functions' Python finds beside their code
    stack           uploads, creates the stack, names what came up
    mail            the approver's mailbox
    traces          the X-Ray daemon: which step happened when
    function_logs   what the functions log, compact; places names the line of src/ of a fault
    problems        what the agent's function has failed with, for the screen and the pages
    signatures      requests signed with the owner's key
    server          reads and answers HTTP requests on http://localhost:3000
    front_door      what is behind it: guard, pages, proxy to the HTTP APIs, view of the tables
    session_list    the list of sessions, with what each is waiting for; ten_steps where it is
    mail_page       the e-mails, open ones first
    address         which part of a list a page shows, and whether it reloads by itself
    verdicts        what has become of what e-mails ask
    session_routes  a session's page: records, timeline, conversation, mail_links, session_page
    operators       cancels a wait, as an operator would
    view, waiting   what the tables say: sessions, and what each waits for
    markup          texts, times and addresses as the pages show them
    layer           the layer's own modules, which read what they wrote
    tasks           sends a task
    reload          a changed file under src/ becomes running code; overlay does it without a build
    trial           imports such code first, in a process of its own: trial_process
    early_failures  a message whose function cannot start comes back in seconds
    endings         says on the screen how a session has ended
    snapshot        all that a stack holds: taken at the end of a run with KEEP=1, put into the next
    kept, going_on  where that is kept, and how a run goes on from it
    lifecycle       all of the above in order, and undone in reverse; removal waits for no disk
    run, demo, task the three commands; walk is what the demo watches
"""
