"""Every right of every role. A new one is added here on purpose, or not at all.

By role and resource, as the template writes it. tests/infra compares it with the template,
proofs/integration with what the emulator's IAM lets the functions do.
"""

TRACING = {"*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ_AND_WRITE = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
MODEL = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
ARN = "arn:${AWS::Partition}"
HERE = "${AWS::Region}:${AWS::AccountId}"
OPEN_APPROVALS = "${ApprovalsTable.Arn}/index/open-approvals"
DECIDED_APPROVALS = "${ApprovalsTable.Arn}/index/decided-approvals"
NEWEST_POSTS = "${PostsTable.Arn}/index/newest-first"
OBJECTS = "${StateBucket.Arn}/*"
POST_TO_UNITOK = f"{ARN}:execute-api:{HERE}:${{UniTokApi}}/$default/POST/posts"

PICTURES = f"{ARN}:states:{HERE}:execution:${{Picture.Outputs.MachineName}}:*"

FROM_MAIL_FROM = {f"{ARN}:ses:{HERE}:identity/*": {"ses:SendEmail"}}
"""Any identity: in SES's sandbox that of whom it goes to is asked for as well."""

RIGHTS = {
    "AgentRole": {
        "TaskQueue.Arn": {
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
            "sqs:SendMessage",
        },
        "DeadLetterQueue.Arn": {"sqs:SendMessage"},
        "SessionsTable.Arn": {"dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        "ApprovalsTable.Arn": READ_AND_WRITE | {"dynamodb:BatchGetItem"},
        OBJECTS: {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"},
        "StateBucket.Arn": {"s3:ListBucket"},
        "ApprovalTopic": {"sns:Publish"},
        "LinkKeys": {"secretsmanager:GetSecretValue"},
        "PublishTokenSecretArn": {"secretsmanager:GetSecretValue"},
        POST_TO_UNITOK: {"execute-api:Invoke"},
        "PictureMachine": {"states:StartExecution"},
        PICTURES: {"states:DescribeExecution", "states:StopExecution"},
        f"{ARN}:bedrock:${{AWS::Region}}::foundation-model/${{ModelId}}": MODEL,
        f"{ARN}:bedrock:{HERE}:inference-profile/${{ModelId}}": MODEL,
        f"{ARN}:bedrock:*::foundation-model/${{Vendor}}.${{Model}}*": MODEL,
        "ModelId": MODEL,  # A profile's ARN, and below what it may lead to.
        f"{ARN}:bedrock:*::foundation-model/*": MODEL,
        "AgentLogGroup.Arn": LOGGING,
        **FROM_MAIL_FROM,
        **TRACING,
    },
    "ApprovalRole": {
        "ApprovalsTable.Arn": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
        OPEN_APPROVALS: {"dynamodb:Query"},
        DECIDED_APPROVALS: {"dynamodb:Query"},
        "ApprovalTopic": {"sns:Publish"},
        "TaskQueue.Arn": {"sqs:SendMessage"},
        "LinkKeys": {"secretsmanager:GetSecretValue"},
        "OidcClientSecretArn": {"secretsmanager:GetSecretValue"},
        "ApprovalLogGroup.Arn": LOGGING,
        **FROM_MAIL_FROM,
        **TRACING,
    },
    "UniTokRole": {
        "PostsTable.Arn": {"dynamodb:PutItem", "dynamodb:BatchGetItem"},
        NEWEST_POSTS: {"dynamodb:Query"},
        "UniTokLogGroup.Arn": LOGGING,
        **TRACING,
    },
    "SweeperRole": {
        OPEN_APPROVALS: {"dynamodb:Query"},
        "ApprovalsTable.Arn": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
        "SessionsTable.Arn": {"dynamodb:GetItem"},
        "TaskQueue.Arn": {"sqs:SendMessage", "sqs:GetQueueAttributes"},
        "ApprovalTopic": {"sns:Publish", "sns:GetTopicAttributes"},
        "EscalationTopic": {"sns:Publish", "sns:GetTopicAttributes"},
        "LinkKeys": {"secretsmanager:GetSecretValue"},
        "SweeperLogGroup.Arn": LOGGING,
        **FROM_MAIL_FROM,
    },
    "PictureRole": TRACING,
    "SweepScheduleRole": {"SweeperFunction.Arn": {"lambda:InvokeFunction"}},
    "OperatorRole": {
        "ApprovalsTable.Arn": {"dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Query"},
        OPEN_APPROVALS: {"dynamodb:Query"},
        "SessionsTable.Arn": {"dynamodb:Query"},
        "TaskQueue.Arn": {"sqs:SendMessage"},
        "OperatorLogGroup.Arn": LOGGING,
        **TRACING,
    },
}

ALL_BUT_MESSAGES = {
    "ForAllValues:StringEquals": {
        "dynamodb:Attributes": ["session_id", "agent_name", "pending", "status"]
    },
    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}
"""Of a session the sweeper reads this and nothing else."""

HOW_IT_ENDED = {
    "ForAllValues:StringEquals": {
        "dynamodb:Attributes": [
            "session_id", "agent_name", "status", "outcome", "reason", "last_words"
        ]
    },
    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
}  # fmt: skip
"""Of a session operators read this and nothing else."""

THROUGH_THE_PROFILE = {
    "StringEquals": {
        "bedrock:InferenceProfileArn": [
            "UseProfileArn",
            "ModelId",
            f"{ARN}:bedrock:{HERE}:inference-profile/${{ModelId}}",
        ]
    }
}
"""A model in another region is reached through the profile only."""

CONDITIONS = {
    ("AgentRole", f"{ARN}:bedrock:*::foundation-model/${{Vendor}}.${{Model}}*"): (
        THROUGH_THE_PROFILE
    ),
    ("AgentRole", f"{ARN}:bedrock:*::foundation-model/*"): THROUGH_THE_PROFILE,
    ("SweeperRole", "SessionsTable.Arn"): ALL_BUT_MESSAGES,
    ("OperatorRole", "SessionsTable.Arn"): HOW_IT_ENDED,
    **{
        (role, resource): {"StringEquals": {"ses:FromAddress": "MailFrom"}}
        for role in ("AgentRole", "ApprovalRole", "SweeperRole")
        for resource in FROM_MAIL_FROM
    },
}
"""By role and resource; all other rights have none."""
