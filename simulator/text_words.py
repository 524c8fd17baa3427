"""Words that stand in ordinary messages.

Enters: nothing. Leaves: tuples of names, places, goods and shops. Invariant: nobody's whole name stands here.
"""

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰飞红梅鑫宇浩晨欣怡子涵梓轩雨佳文博俊建国志海燕春雷"
TITLES = (
    "哥", "姐", "叔", "阿姨", "老师", "师傅", "总", "",
)  # fmt: skip
PLACES = (
    "龙湖公园", "舜耕山庄", "淮南东站", "淮南南站", "万达广场", "新世界", "朝阳医院", "人民医院", "洞山菜场",
    "国庆路口", "谢家集菜市", "八公山大桥", "潘集一中", "凤台汽车站", "寿县古城", "正阳关码头", "田家庵码头",
    "安成铺", "山南新区", "民生路", "学院北路", "蔡新路", "妇幼保健院", "淮河大道", "小区门卫", "楼下便利店",
    "菜鸟驿站", "东门", "物业", "3号楼", "社区服务站", "合肥南站", "老家", "单位食堂",
)  # fmt: skip
ITEMS = (
    "洗衣机", "牛肉汤", "豆腐", "大闸蟹", "草莓", "电动车", "自行车", "手机壳", "空调", "电脑", "奶粉", "羽绒服",
    "书包", "热水器", "沙发", "猫粮", "化肥", "种子", "茶叶", "白酒", "蛋糕", "水杯", "打印机", "窗帘", "运动鞋",
    "口罩", "眼镜", "手表", "冰箱", "瓷砖", "玩具",
)  # fmt: skip
SHOPS = (
    "大润发", "苏果超市", "联华超市", "商之都", "永辉超市", "名创优品", "屈臣氏", "安踏", "海澜之家", "周大福",
    "老凤祥", "国大药房", "新东方", "学而思", "爱尔眼科", "美年大健康", "碧桂园", "万科", "吉利汽车", "长安汽车",
    "九阳", "波司登", "瑞幸咖啡", "正新鸡排", "淮南牛肉汤", "华润苏果", "天虹", "孩子王", "洁雅口腔", "星火驾校",
    "新华书店", "金鹰国际", "好想来零食", "蜜雪冰城",
)  # fmt: skip
DAYS = (
    "今天", "明天", "后天", "周一", "周三", "周五", "周六", "周日", "下周", "月底",
)  # fmt: skip
SEASONS = (
    "元宵", "清明", "五一", "端午", "中秋", "国庆", "春节",
)  # fmt: skip
APPS = (
    "Apple", "WhatsApp", "Microsoft", "Steam", "LinkedIn", "Amazon", "Airbnb", "Zoom",
)  # fmt: skip
CITIES = (
    "Tokyo", "Seoul", "Singapore", "Sydney", "London", "Toronto", "Bangkok", "Hong Kong", "Kuala Lumpur",
)  # fmt: skip
ENGLISH_NAMES = (
    "Lily", "Kevin", "Amy", "Jason", "Wei", "Jing", "Tony", "Grace", "Eric", "Vivian",
)  # fmt: skip
PATH = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SECTORS = ("家电", "家居", "母婴", "数码", "服装")
